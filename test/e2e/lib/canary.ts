// The judge of the keys: every private key of the bed is looked for, in every form in which it can leak, in etcd's files,
// logs, journals, environments, command lines and on all disks. A node's key may be on its own node, in its own files,
// staging and backups; a CA's key in its own file on control planes; and nowhere else.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bed } from './bed.ts';
import { idsOf, pathOf, pemOf } from './certificates.ts';
import { outcome } from './command.ts';
import { goProgram } from './go-program.ts';
import { patternsOf, secretOf } from './patterns.ts';

export interface Secret {
  /** `n1 apiserver.crt` or `ca.key`; several names when several files hold the same key. */
  readonly names: readonly string[];
  readonly number: Buffer;
  /** Places in which it was found when it was collected, `n1:/etc/kubernetes/pki/apiserver.key`. */
  readonly homes: readonly string[];
  readonly isCa: boolean;
}

export interface Sighting {
  readonly secret: string;
  readonly form: string;
  /** `n1:/etc/kubernetes/pki/ca.key`, `n1 containerd:/…`, `proc:/123/environ`, `journal:/n1` */
  readonly place: string;
}

export interface CanaryReport {
  readonly leaks: readonly Sighting[];
  /** Keys that were not even seen in their own files: then the judge is blind, and its yes is worth nothing. */
  readonly unseen: readonly string[];
  readonly sightings: number;
  readonly said: string;
}

const caKeys = ['ca.key', 'front-proxy-ca.key', 'etcd/ca.key', 'sa.key'] as const;

/** The keys that are there now. Collect before and after a rotation: old keys must not leak either. */
export function collectSecrets(bed: Bed, earlier: readonly Secret[] = []): readonly Secret[] {
  const found = new Map(earlier.map((secret) => [secret.number.toString('hex'), secret]));
  const add = (name: string, pem: string, home: string, isCa: boolean) => {
    const number = secretOf(pem);
    const known = found.get(number.toString('hex'));
    found.set(number.toString('hex'), {
      names: [...new Set([...(known?.names ?? []), name])],
      number,
      homes: [...new Set([...(known?.homes ?? []), home])],
      isCa,
    });
  };
  for (const node of bed.controlPlanes) {
    for (const name of caKeys) {
      const path = `/etc/kubernetes/pki/${name}`;
      add(name, readFileSync(bed.file(node, path), 'utf8'), `${node}:${path}`, true);
    }
  }
  for (const node of bed.nodes) {
    for (const id of idsOf(bed, node)) {
      add(
        `${node} ${id}`,
        privateKeyBlock(pemOf(bed, node, id).key),
        `${node}:${pathOf(bed, node, id)}`,
        false,
      );
    }
  }
  return [...found.values()];
}

function privateKeyBlock(text: string): string {
  const block = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*-----END [A-Z ]*PRIVATE KEY-----/.exec(text)?.[0];
  if (block === undefined) throw new Error('no private key where one belongs');
  return block;
}

/** Whether any form of this private key (PEM) is in any of the texts. */
export function isAnyFormOf(key: string, texts: readonly Buffer[]): boolean {
  return patternsOf(secretOf(key)).some(({ bytes }) => texts.some((text) => text.includes(bytes)));
}

/** Places on its own node where a node's key belongs. */
const ownPlaces = [
  '/etc/kubernetes/',
  '/var/lib/kubelet/pki/',
  '/root/.kube/',
  '/var/lib/cluster-cert-rotator/',
];

export function isAllowed(secret: Secret, place: string): boolean {
  if (secret.isCa) return secret.homes.includes(place);
  const nodes = new Set(secret.homes.map((home) => home.split(':')[0]));
  return [...nodes].some((node) => ownPlaces.some((directory) => place.startsWith(`${node}:${directory}`)));
}

export async function canary(bed: Bed, secrets: readonly Secret[]): Promise<CanaryReport> {
  const scratch = mkdtempSync(join(tmpdir(), 'canary-'));
  try {
    // journals are compressed on disk: their files alone would hide what was logged
    for (const node of bed.nodes) {
      writeFileSync(
        join(scratch, node),
        await bed.exec(node, 'journalctl', '--no-pager', '-a', '-o', 'cat'),
        {
          mode: 0o600,
        },
      );
    }
    const searched = await search(secrets, [...placesOf(bed), scratch]);
    const sightings = searched.lines.map((line) => {
      const [label = '', path = ''] = line.split('\t');
      const [index = '', form = ''] = label.split(':');
      const secret = secrets[Number(index)];
      if (secret === undefined) throw new Error(`the canary printed what it was not asked for: ${line}`);
      return { owner: secret, form, place: placeName(bed, scratch, path) };
    });
    const seen = new Set(sightings.map((sighting) => sighting.owner));
    return {
      leaks: sightings
        .filter(({ owner, place }) => !isAllowed(owner, place))
        .map(({ owner, form, place }) => ({ secret: owner.names.join(', '), form, place })),
      unseen: secrets.filter((secret) => !seen.has(secret)).map((secret) => secret.names.join(', ')),
      sightings: sightings.length,
      said: searched.said,
    };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Disks as they lie on this machine, what the nodes hold in memory, and every process. */
function placesOf(bed: Bed): readonly string[] {
  const disks = bed.nodes.flatMap((node) =>
    ['upper', 'containerd', 'audit'].map((part) => join(bed.state, node, part)),
  );
  const memory = bed.nodes.flatMap((node) =>
    ['/run', '/tmp', '/dev/shm', '/var/lib/kubelet/pods'].map((path) => bed.file(node, path)),
  );
  const processes = bed.processes().flatMap((pid) => [`/proc/${pid}/environ`, `/proc/${pid}/cmdline`]);
  return [...disks, ...memory, ...processes].filter((path) => existsSync(path));
}

function placeName(bed: Bed, scratch: string, path: string): string {
  if (path.startsWith(scratch)) return `journal:${path.slice(scratch.length)}`;
  for (const node of bed.nodes) {
    const disk = join(bed.state, node);
    if (path.startsWith(`${disk}/upper/`)) return `${node}:${path.slice(`${disk}/upper`.length)}`;
    if (path.startsWith(`${disk}/`)) return `${node} ${path.slice(disk.length + 1).replace('/', ':/')}`;
    const root = bed.file(node, '');
    if (path.startsWith(`${root}/`)) return `${node} memory:${path.slice(root.length)}`;
  }
  return path.replace(/^\/proc\//, 'proc:/');
}

async function search(secrets: readonly Secret[], places: readonly string[]) {
  const patterns = secrets.flatMap((secret, index) =>
    patternsOf(secret.number).map((p) => `${index}:${p.form} ${p.bytes.toString('hex')}`),
  );
  const result = await outcome(await goProgram('canary'), places, { input: `${patterns.join('\n')}\n` });
  if (result.code !== 0) throw new Error(`the canary could not search: ${result.stderr.slice(-2000)}`);
  return { lines: result.stdout.split('\n').filter((line) => line !== ''), said: result.stderr.trim() };
}
