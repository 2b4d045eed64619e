// What the controller may delete of ConfigMaps, Secrets and Services. It makes what it deletes: for deploy/check/bare.test.ts alone.
import { controller, count, kubectl, policy, report } from './kubectl.ts';
import { object } from './writes.ts';

const where = 'cpaas-system';

/** As the controller itself, whom RBAC lets delete one Service and one ConfigMap, with every right beside: the policy alone. */
function checkDeletes(): void {
  const asController = [`--as=${controller}`, '--as-group=system:masters'];
  for (const [kind, name, labels, may] of [
    ['service', 'frontend', { 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' }, true],
    ['service', 'frontend', {}, false],
    ['service', 'check-of-the-policy', { 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' }, false],
    ['configmap', 'cert-renew-checksums', {}, true],
    ['configmap', 'node-local-certs-check-of-the-policy', {}, false],
    ['configmap', 'check-of-the-policy', {}, false],
    ['secret', 'kubernetes-ca', {}, false],
  ] as const) {
    const here = ['-n', where];
    const kinds = { service: 'Service', configmap: 'ConfigMap', secret: 'Secret' } as const;
    const made = object(kinds[kind], name, where);
    const text = JSON.stringify({ ...made, metadata: { name, namespace: where, labels } });
    kubectl(['create', '-f', '-'], text);
    const answer = kubectl([...here, 'delete', '--dry-run=server', kind, name, ...asController]);
    const good = may ? answer.ok : !answer.ok && policy.test(answer.text);
    const whose = Object.keys(labels).length > 0 ? ' with its label' : '';
    report(
      good,
      `${may ? 'allowed: ' : 'denied:  '}the controller deletes ${kind} ${name}${whose}`,
      answer.text,
    );
    kubectl([...here, 'delete', kind, name]);
  }
}

checkDeletes();
if (count.failed > 0) process.exitCode = 1;
