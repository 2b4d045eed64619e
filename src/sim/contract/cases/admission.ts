// ValidatingAdmissionPolicies: the controller begins nothing before it has seen one deny.
import { configMap, namespace, type Case } from './case.ts';
import type { Talk } from '../talk.ts';
import { eventually } from '../eventually.ts';

const base = '/apis/admissionregistration.k8s.io/v1';
const apiVersion = 'admissionregistration.k8s.io/v1';

const policy = (name: string, spec: object): object => ({
  apiVersion,
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name },
  spec: {
    failurePolicy: 'Fail',
    matchConstraints: {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'guarded' } },
      resourceRules: [
        { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] },
      ],
    },
    ...spec,
  },
});

const binding = (name: string): object => ({
  apiVersion,
  kind: 'ValidatingAdmissionPolicyBinding',
  metadata: { name },
  spec: { policyName: name, validationActions: ['Deny'] },
});

const rules = {
  matchConditions: [{ name: 'not-free', expression: '!object.metadata.name.startsWith("free")' }],
  variables: [
    { name: 'value', expression: 'has(object.data) && "value" in object.data ? object.data["value"] : ""' },
  ],
  validations: [
    {
      expression: 'variables.value in ["a", "b"]',
      message: 'the value is neither a nor b',
      reason: 'Forbidden',
    },
    {
      expression: 'object.metadata.name.size() < 6',
      messageExpression: "'too long a name: ' + object.metadata.name",
    },
    {
      expression:
        'request.operation == "CREATE" || object.data == oldObject.data || request.userInfo.username == "grace"',
      message: 'only grace changes it',
      reason: 'Invalid',
    },
  ],
};

const policies: Case = {
  name: 'admission policies',
  run: async (talk) => {
    const ns = await namespace(talk, 'guarded');
    await namespace(talk, 'unguarded');
    await talk.say('POST', `${base}/validatingadmissionpolicies`, { body: policy('guard', rules) });
    await talk.say('POST', `${base}/validatingadmissionpolicybindings`, { body: binding('guard') });
    await inForce(talk, ns);
    const path = `${ns}/configmaps`;
    await talk.say('POST', path, { body: configMap('one', { data: { value: 'c' } }) });
    await talk.say('POST', `${path}?dryRun=All`, { body: configMap('one', { data: { value: 'c' } }) });
    await talk.say('POST', path, { body: configMap('free', { data: { value: 'c' } }) });
    await talk.say('POST', path, { body: configMap('longer-name') });
    await talk.say('POST', path, { body: configMap('one') });
    await talk.say('PATCH', `${path}/one`, { body: { data: { value: 'b' } } });
    await talk.say('PATCH', `${path}/one`, { body: { metadata: { labels: { may: 'change' } } } });
    await talk.say('PATCH', `${path}/one`, {
      as: { user: 'grace', groups: ['system:masters'] },
      body: { data: { value: 'b' } },
    });
    await talk.say('POST', '/api/v1/namespaces/unguarded/configmaps', {
      body: configMap('one', { data: { value: 'c' } }),
    });
    await talk.say('DELETE', `${path}/one`);
  },
};

/** The real server compiles a policy some time after it is there. */
async function inForce(talk: Talk, ns: string): Promise<void> {
  const refuses = async (): Promise<boolean> => {
    const trial = await talk.quietly('POST', `${ns}/configmaps?dryRun=All`, {
      body: configMap('trial', { data: { value: 'c' } }),
    });
    return trial.status === 403;
  };
  await eventually(refuses, { seconds: 30, otherwise: 'the policy is not in force' });
}

export const admissionCases: readonly Case[] = [policies];
