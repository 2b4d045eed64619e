// A member of etcd as its clients and peers see it: the certificates, the JSON gateway, and whether there is a quorum. It
// keeps no data: that is in the one store behind all API servers.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { Agent } from 'node:https';
import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { flagsOf } from '../../../formats/manifest.ts';
import { answersWell } from '../answers-well.ts';
import { serveFiles } from '../served.ts';

interface Member {
  readonly name: string;
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

const flags = flagsOf(process.argv.slice(2));
const flag = (name: string): string => flags.get(name) ?? '';
const everyMs = 1000;
/** Without a quorum. */
const soonMs = 100;
/** A new pair of files makes a new connection; an old one is kept while it works, as etcd keeps its streams. */
const agent = new Agent({ keepAlive: true });
const timeoutMs = 1000;

const joinedFile = `${flag('data-dir')}/joined.json`;
const members = membersOf(flag('initial-cluster'));
const own = members.find(({ name }) => name === flag('name'));
/** Ids of the members that answer their peers, our own among them. */
let reachable = new Set<string>();
/** Ids of those that have joined: as with kubeadm, a member counts from when it first came. Outlives a restart. */
const joined = new Set(readJoined());

function readJoined(): readonly string[] {
  if (!fs.existsSync(joinedFile)) return own === undefined ? [] : [own.id];
  const ids: readonly string[] = JSON.parse(fs.readFileSync(joinedFile, 'utf8'));
  return ids;
}

function noteJoined(): void {
  const before = joined.size;
  for (const id of reachable) joined.add(id);
  if (joined.size > before) fs.writeFileSync(joinedFile, JSON.stringify([...joined]));
}

function membersOf(text: string): readonly Member[] {
  return text.split(',').flatMap((entry) => {
    const [name = '', url = ''] = entry.split('=');
    if (!URL.canParse(url)) return [];
    const { hostname, port } = new URL(url);
    // 64 bits, as a protobuf's JSON has them: a decimal text.
    const id = BigInt(`0x${createHash('sha256').update(entry).digest('hex').slice(0, 15)}`).toString();
    return [{ name, id, host: hostname, port: Number(port) }];
  });
}

/** The one with the lowest name leads: what counts here is whether somebody can. */
function leaderId(): string {
  const quorum = Math.floor(joined.size / 2) + 1;
  if (reachable.size < quorum) return '0';
  return members.find(({ id }) => reachable.has(id))?.id ?? '0';
}

function answer(path: string, response: ServerResponse): void {
  const header = { cluster_id: '1', member_id: own?.id ?? '0', revision: '1', raft_term: '2' };
  const leader = leaderId();
  const say = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  if (path === '/health') return say(leader === '0' ? 503 : 200, { health: String(leader !== '0') });
  if (path === '/v3/cluster/member/list') {
    const there = members.filter(({ id }) => joined.has(id));
    const listed = there.map(({ id, name, host, port }) => ({
      ID: id,
      name,
      peerURLs: [`https://${host}:${port}`],
      clientURLs: [`https://${host}:2379`],
    }));
    return say(200, { header, members: listed });
  }
  if (path === '/v3/maintenance/status')
    return say(200, {
      header,
      version: '3.6.5',
      dbSize: '20480',
      ...(leader === '0' ? { errors: ['etcdserver: no leader'] } : { leader }),
    });
  say(404, {});
}

async function askPeers(): Promise<void> {
  const answers = await Promise.all(
    members.map(async (member) => (member === own || (await isThere(member)) ? [member.id] : [])),
  );
  reachable = new Set(answers.flat());
  noteJoined();
}

/** Files are read for each connection, as etcd does. */
async function isThere({ host, port }: Member): Promise<boolean> {
  try {
    const secrets = {
      cert: fs.readFileSync(flag('peer-cert-file')),
      key: fs.readFileSync(flag('peer-key-file')),
      ca: fs.readFileSync(flag('peer-trusted-ca-file')),
    };
    return await answersWell({ host, port, path: '/members', ...secrets, agent, timeout: timeoutMs });
  } catch {
    return false;
  }
}

const urlOf = (text: string): { host: string; port: number } => {
  const { hostname, port } = new URL(text.split(',')[0] ?? '');
  return { host: hostname, port: Number(port) };
};

const stop = new AbortController();
process.once('SIGTERM', () => process.exit(0));
const strict = { rejectUnauthorized: true };
await serveFiles(
  {
    certFile: flag('peer-cert-file'),
    keyFile: flag('peer-key-file'),
    clientCaFile: flag('peer-trusted-ca-file'),
    eachConnection: true,
  },
  urlOf(flag('listen-peer-urls')),
  (_, response) => response.end('[]'),
  stop.signal,
  strict,
);
await askPeers();
await serveFiles(
  {
    certFile: flag('cert-file'),
    keyFile: flag('key-file'),
    clientCaFile: flag('trusted-ca-file'),
    eachConnection: true,
  },
  urlOf(flag('listen-client-urls')),
  ({ url = '/' }, response) => answer(url, response),
  stop.signal,
  strict,
);
for (;;) {
  await askPeers();
  await wait(leaderId() === '0' ? soonMs : everyMs);
}
