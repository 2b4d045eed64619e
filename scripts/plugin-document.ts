// docs/kubectl.md: what a person reads about the plugin, with its own help texts.
import { commands, helpText } from '../src/plugin/program.ts';

const fence = '```';

const section = (name: string): string => {
  const entry = commands[name];
  if (entry === undefined) throw new Error(`no such command: ${name}`);
  const help = entry.command().configureHelp({ helpWidth: 100 }).helpInformation();
  return `### ${entry.usage}\n\n${fence}\n${help.trimEnd()}\n${fence}\n`;
};

const setUp = `### To install it

\`make build\` makes \`dist/kubectl-certrot\` for Linux on amd64 and \`dist/kubectl-certrot-arm64\` for arm64, which need nothing else
on the machine, and \`dist/kubectl-certrot.mjs\` of 0.6 MB for every system that has Node 24 ([why both](adr/0018-kubectl-plugin.md)).
One of them goes into a directory of PATH, under the name \`kubectl-certrot\`, executable:

${fence}sh
install -m 0755 dist/kubectl-certrot /usr/local/bin/kubectl-certrot
kubectl certrot status
${fence}

It calls \`kubectl\`, so that it reaches each cluster that kubectl reaches, by the same credentials; \`kubectl\` is to be in PATH.

### What it needs

The rights of whoever calls it, and no others. The chart has two roles, and binds them to those that its values name:

${fence}yaml
people:
  viewers: [{ kind: Group, name: on-call }]
  operators: [{ kind: User, name: ada }, { kind: ServiceAccount, namespace: ops, name: bot }]
${fence}

| role                            | may                                                                                                                                                                                                         |
| ------------------------------- | ----------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------------- |
| \`cluster-cert-rotator-viewer\`   | get and list Nodes, list CertificateRotations and signing requests, list the ConfigMaps of \`cpaas-system\`; in the private namespace: the configuration, the Lease, Pods, their logs, Deployments, Events |
| \`cluster-cert-rotator-operator\` | that, and \`rotate\` and \`approve\` (create and patch CertificateRotations), \`pause NODE\` (patch Nodes), \`pause\` (patch the configuration)                                                                     |

An operator is trusted with more than the words say: RBAC cannot limit the right to patch a Node to one annotation, nor that to
patch the configuration to one field. What is refused names the right that is missing and the role that has it.
`;

const whatItDoes = (): string => `### What it does

${fence}
${helpText().trimEnd()}
${fence}

\`status\` ends with 10 also where it is not known whether the cluster is safe, and where time runs out: within 10 days of the end of a
certificate that is not being renewed at that moment, whatever keeps it (of one that lives less than 90 days: in the last ninth of
its life), and within 90 days of the end of a CA, the days of the critical [alerts](alerts.md). What merely should be known, a failure
that is tried again by itself or a paused node, leaves it at 0 until then. With \`--json\` each sentence comes as \`{key, with, text}\`:
keys are stable, texts may change.

\`pause\` without a node writes \`paused: true\` into ConfigMap \`cluster-cert-rotator-config\`, \`resume\` writes \`false\`; the next
\`helm upgrade\` sets what the chart's value \`config.paused\` says. A node that is paused by itself stays so.

\`rotate\` renews everything of the node that the product renews, due or not. It passes the same gates as any other, and one more:
once an hour for each node.

### What a support bundle holds

What \`status\` and \`plan\` say, the Nodes, CertificateRotations, inventories, configuration, Lease, signing requests without their
contents, Deployments, Pods, Events and logs of the product, and in \`ABOUT.txt\` what is in it and what could not be read. No Secret is
asked for. Of each object it holds fields that are named in the code, so that annotations and variables of others stay away; from
every text private keys, signing requests, tokens, passwords and long values of base64 are taken out. Names of nodes and their
addresses are in it. With the role \`cluster-cert-rotator-viewer\` the logs of the web program are not: they lie in a namespace of
others.
`;

const commandsInFull = (): string => `${Object.keys(commands)
  .map((name) => section(name))
  .join('\n')}
To complete commands, options and names of nodes, kubectl asks a program beside the plugin:

${fence}sh
kubectl certrot completion > /usr/local/bin/kubectl_complete-certrot && chmod +x /usr/local/bin/kubectl_complete-certrot
${fence}
`;

/** @param generated the words that say what writes it */
export const pluginDocument = (generated: string): string => `# kubectl

${generated} \`src/plugin\`.

## Columns

${fence}
kubectl get certrot -w                                                      plan, queue and history: a line a rotation
kubectl get certrot --sort-by=.status.dueAt                                 in the order in which they come due
kubectl get certrot -o custom-columns=NODE:.spec.nodeName,WHY:.status.message   in the controller's own words
${fence}

\`NODE ROLE CERTS ACTION PHASE REASON DUE AGE\`: of which node, what, what is done on it now, how far it is and why, when it is
due. [objects.md](objects.md) has every field.

## The plugin

\`kubectl certrot\` says in a terminal what the dashboard says, in the same sentences, English or Chinese, and does what its
buttons do.

${setUp}
${whatItDoes()}
${commandsInFull()}`;
