// Power is lost between the two renames of a pair: of apiserver.crt on the control plane, of kubelet.crt on the worker. The
// bed only boots the node again, and it comes up with a fitting pair, without a Pod or a command; then the rotation ends.
import { beforeEach, expect, test } from 'vitest';
import { factsOf, pathOf, served } from '../lib/certificates.ts';
import { waitFor } from '../lib/command.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { deploy, ended, rotations, tellRotations } from '../lib/product.ts';
import { losePowerBetween } from '../lib/slow-renames.ts';

const bed = bedOfTwo();
const recoverUnit = 'cluster-cert-rotator-recover.service';

/** Whether a unit was started and has ended in this boot; its first word in the journal comes before its work. */
async function hasEnded(node: string, unit: string): Promise<true | undefined> {
  const words = ['systemctl', 'show', '-P', 'ExecMainExitTimestampMonotonic', unit];
  const { code, stdout } = await bed.tryExec(node, words);
  return code === 0 && Number(stdout) > 0 ? true : undefined;
}

beforeEach(async () => {
  await bed.restore('due');
});

test.each([
  { node: 'n1', id: 'apiserver.crt', port: 6443 },
  { node: 'w1', id: 'kubelet.crt', port: 10250 },
])('$id of $node', async ({ node, id, port }) => {
  // the tool on every node: without it the boot could not mend a pair, and pairs keep their key (one rename)
  await deploy(bed, { stageTool: 'all', settle: '5s' });
  const certificate = pathOf(bed, node, id);
  await losePowerBetween(bed, node, { certificate, key: certificate.replace(/\.crt$/, '.key') }, 300);
  const lost = await bed.peek(node, 'ls', '/var/lib/cluster-cert-rotator/journal');
  expect(lost.trim(), 'the journal lies on the disk').not.toBe('');

  await bed.boot(node);
  await waitFor('the boot to have made the pair fit', async () => hasEnded(node, recoverUnit), {
    seconds: 60,
  });
  const after = await factsOf(bed, node, id);
  expect(after.keyFits).toBe(true);
  expect(after.chains).toBe(true);

  const rotation = await ended(bed, node, 420);
  console.log(tellRotations(await rotations(bed)));
  expect(rotation.status?.phase, rotation.status?.message).toBe('Succeeded');
  const last = await factsOf(bed, node, id);
  expect(last.keyFits).toBe(true);
  expect((await served(bed.address(node), port)).serial).toBe(last.serial);
  expect(rotation.status?.certificates?.find((one) => one.id === id)?.newSerial).toBe(last.serial);
});
