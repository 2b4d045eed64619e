// What the controller may delete of ConfigMaps, Secrets and Services. It makes what it deletes: for deploy/check/bare.test.ts alone.
import { controller, create, remove, tryRemove } from './api.ts';
import { count, reportAllowed, reportDenied } from './report.ts';
import { object } from './writes.ts';

const where = 'cpaas-system';

/** As the controller itself, whom RBAC lets delete one Service and one ConfigMap, with every right beside: the policy alone. */
async function checkDeletes(): Promise<void> {
  const asController = { user: controller, group: 'system:masters' };
  for (const [kind, name, labels, may] of [
    ['Service', 'frontend', { 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' }, true],
    ['Service', 'frontend', {}, false],
    ['Service', 'check-of-the-policy', { 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' }, false],
    ['ConfigMap', 'cert-renew-checksums', {}, true],
    ['ConfigMap', 'node-local-certs-check-of-the-policy', {}, false],
    ['ConfigMap', 'check-of-the-policy', {}, false],
    ['Secret', 'kubernetes-ca', {}, false],
  ] as const) {
    const made = { ...object(kind, name, where), metadata: { name, namespace: where, labels } };
    await create(made);
    const answer = await tryRemove(made, asController);
    const whose = Object.keys(labels).length > 0 ? ' with its label' : '';
    const what = `the controller deletes ${kind.toLowerCase()} ${name}${whose}`;
    if (may) reportAllowed(what, answer);
    else reportDenied(what, answer);
    await remove(made);
  }
}

await checkDeletes();
if (count.failed > 0) process.exitCode = 1;
