// The kubelet renews its client certificate by itself while our rotation waits (R2): that is done, not a conflict.
import { readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { factsOf, type CertificateFacts } from '../lib/certificates.ts';
import { waitFor } from '../lib/command.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { approve, deploy, ended, inPhase, tellRotations, type Rotation } from '../lib/product.ts';

const bed = bedOfTwo();
const id = 'kubelet-client-current.pem';
let own: CertificateFacts;
let rotation: Rotation;

beforeAll(async () => {
  await bed.restore('due');
  // more than 90 % of its life are over: a kubelet that may renew it does so at its next start
  await bed.reissue({ node: 'w1', ids: [id], daysLeft: 5 });
  const planned = await factsOf(bed, 'w1', id);
  await deploy(bed, { mode: 'manual' });
  const waiting = await inPhase(bed, 'w1', 'Pending', 180);
  const path = bed.file('w1', '/var/lib/kubelet/config.yaml');
  const configuration = readFileSync(path, 'utf8');
  writeFileSync(path, configuration.replace('rotateCertificates: false', 'rotateCertificates: true'));
  await bed.exec('w1', 'systemctl', 'restart', 'kubelet');
  own = await waitFor(
    'the kubelet to renew its client certificate',
    async () => {
      const now = await factsOf(bed, 'w1', id);
      return now.serial === planned.serial ? undefined : now;
    },
    { seconds: 120 },
  );
  await approve(bed, waiting);
  rotation = await ended(bed, 'w1', 240);
  console.log(tellRotations([rotation]));
});

test('the rotation succeeds', () => {
  expect(rotation.status?.phase, rotation.status?.message).toBe('Succeeded');
  expect(rotation.status?.certificates?.map((one) => one.id).toSorted()).toEqual([
    'kubelet-client-current.pem',
    'kubelet.crt',
  ]);
});

test('what the kubelet has made stays, and counts as proved', async () => {
  const now = await factsOf(bed, 'w1', id);
  expect(now.serial).toBe(own.serial);
  const told = rotation.status?.certificates?.find((one) => one.id === id);
  expect(told?.newSerial).toBe(own.serial);
  expect(told?.proof).toMatch(/kubelet/);
});

test('its serving certificate is renewed by us', async () => {
  const told = rotation.status?.certificates?.find((one) => one.id === 'kubelet.crt');
  expect((await factsOf(bed, 'w1', 'kubelet.crt')).serial).toBe(told?.newSerial);
});
