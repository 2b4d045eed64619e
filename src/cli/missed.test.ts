import { describe, expect, it } from 'vitest';
import { makeCa, makeDisk } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { seeNode } from './all-node.ts';
import { madeAtStart } from './missed.ts';
import { put } from './offline/testing.ts';

const serving = '/var/lib/kubelet/pki/kubelet.crt';
const ca = makeCa();

/** What is said of the kubelet's serving certificate, which is not there. */
function saidOf(configuration: string): string | undefined {
  const fake = new FakeNode(makeDisk(ca), ca);
  put(fake.files, '/var/lib/kubelet/config.yaml', configuration);
  fake.files.unlink(serving);
  return seeNode(fake.node).found.find(({ id }) => id === 'kubelet.crt')?.row.reason;
}

describe('a serving certificate of the kubelet that is not there', () => {
  const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

  it('is made when the kubelet starts', () => {
    expect(saidOf(head)).toBe(madeAtStart);
  });

  it('is missed where the kubelet’s configuration names it', () => {
    const named = `tlsCertFile: ${serving}\ntlsPrivateKeyFile: /var/lib/kubelet/pki/kubelet.key\n`;
    expect(saidOf(`${head}${named}`)).toMatch(/kubelet\.crt does not exist, and the kubelet does not start/u);
  });
});
