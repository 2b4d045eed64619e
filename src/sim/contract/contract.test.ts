// One contract, three servers. What is expected are the recorded answers of the real one: a difference of any server to
// them is a failure. RECORD=1 writes them anew, from the real server.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustSkip } from '../../../test/kube/bare-api.ts';
import { admissionCases } from './cases/admission.ts';
import { basicCases } from './cases/basic.ts';
import type { Case } from './cases/case.ts';
import { kindCases } from './cases/kinds.ts';
import { listCases } from './cases/lists.ts';
import { productCases } from './cases/product.ts';
import { restrictionCases } from './cases/restriction.ts';
import { rightsCases } from './cases/rights.ts';
import { startDoor, startEmbedded, startReal, type ContractServer } from './servers.ts';
import { Talk } from './talk.ts';

const recordings = join(import.meta.dirname, 'recorded');
const recording = process.env['RECORD'] !== undefined;
const cases: readonly Case[] = [
  ...basicCases,
  ...listCases,
  ...kindCases,
  ...rightsCases,
  ...restrictionCases,
  ...productCases,
  ...admissionCases,
];

const servers = [
  { title: 'the embedded server', start: startEmbedded, skip: recording },
  { title: 'the embedded server behind a node’s kube-apiserver', start: startDoor, skip: recording },
  { title: 'a real kube-apiserver', start: startReal, skip: mustSkip() },
];

const fileOf = ({ name }: Case): string => join(recordings, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`);

describe.each(servers)('$title', ({ title, start, skip }) => {
  describe.skipIf(skip)('answers', { timeout: 60_000 }, () => {
    let server: ContractServer;
    beforeAll(async () => {
      server = await start();
    }, 180_000);
    afterAll(async () => {
      await server?.stop();
    }, 30_000);

    it.each(cases)('$name', async (one) => {
      const talk = new Talk(server);
      try {
        await one.run(talk);
      } finally {
        talk.close();
      }
      if (recording && title.startsWith('a real')) write(one, talk);
      expect(existsSync(fileOf(one)), 'the real server was recorded').toBe(true);
      const recorded: unknown = JSON.parse(readFileSync(fileOf(one), 'utf8'));
      expect(JSON.parse(JSON.stringify(talk.entries))).toEqual(recorded);
    });
  });
});

function write(one: Case, talk: Talk): void {
  mkdirSync(recordings, { recursive: true });
  writeFileSync(fileOf(one), `${JSON.stringify(talk.entries, null, 1)}\n`);
}
