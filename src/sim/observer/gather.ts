// One look at everything: files of the nodes, what their sockets show, and the objects of the API.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import * as fs from 'node:fs';
import { request } from 'node:https';
import { join, posix } from 'node:path';
import { connect } from 'node:tls';
import { parse } from 'yaml';
import type { PlannedNode } from '../cluster/plan.ts';
import { placesOf, type Place, type Sight } from './places.ts';
import type { SeenFile } from './judge.ts';
import { startOfProcess } from './process-start.ts';

const timeoutMs = 1500;

interface Material {
  readonly cert: string;
  readonly key: string;
  readonly writtenMs: number;
  /** Of a kubeconfig: where its server is. */
  readonly server?: URL;
  readonly ca?: string;
}

interface InUse {
  readonly node: PlannedNode;
  readonly material: Material;
}

/** What must be asked of the network: it costs the most, and most of it has not changed. */
export interface Wanted {
  /** Whether what a server shows is to be looked at. */
  readonly shown: (id: string, serial: string) => boolean;
  /** Whether it is to be seen in use. */
  readonly inUse: (id: string, serial: string) => boolean;
}

/** @param root the node's directory */
export async function seeNode(root: string, node: PlannedNode, wanted: Wanted): Promise<readonly SeenFile[]> {
  const seen = await Promise.all(
    placesOf(node.role).map(async (place) => seePlace(root, node, place, wanted)),
  );
  return seen.flat();
}

async function seePlace(
  root: string,
  node: PlannedNode,
  { id, sight, ...place }: Place,
  wanted: Wanted,
): Promise<readonly SeenFile[]> {
  const file = readFile(root, { id, sight, ...place });
  if (file === undefined) return [];
  const { serial, identity, keyFits, material } = file;
  const isServed = sight.kind === 'served';
  const isAsked = isServed && wanted.shown(id, serial);
  const shown = isAsked ? await shownAt(node.address, sight.port) : undefined;
  const alive = isServed
    ? shown === serial
    : wanted.inUse(id, serial) && (await isInUse(sight, { node, material }));
  const silent = isAsked && shown === undefined;
  return [{ node: node.name, id, serial, identity, keyFits, shown, silent, isServed, alive }];
}

interface ReadFile {
  readonly stamp: string;
  readonly serial: string;
  readonly identity: string;
  readonly keyFits: boolean;
  readonly material: Material;
}

/** By path: what was read of files that are still the same. */
const known = new Map<string, ReadFile>();

function readFile(root: string, { form, path }: Place): ReadFile | undefined {
  const key = join(root, path);
  const stamp = stampOf(form === 'pair' ? [`${key}.crt`, `${key}.key`] : [resolveLink(root, path)]);
  const before = known.get(key);
  if (before?.stamp === stamp) return before;
  const material = readMaterial(root, { form, path });
  const certificate = material === undefined ? undefined : parseFirst(material.cert);
  if (material === undefined || certificate === undefined) return undefined;
  const [serial, identity, keyFits] = [
    serialOf(certificate),
    identityOf(certificate),
    fits(certificate, material.key),
  ];
  const file = { stamp, serial, identity, keyFits, material };
  known.set(key, file);
  return file;
}

function stampOf(paths: readonly string[]): string {
  const stats = paths.map((path) => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  return stats.map((stat) => `${stat?.ino} ${stat?.mtimeNs} ${stat?.size}`).join(' ');
}

async function isInUse(sight: Sight, { node, material }: InUse): Promise<boolean> {
  if (sight.kind === 'served') return false;
  const { cert, key, server, ca } = material;
  if (sight.kind === 'asked') {
    const isOwn = typeof sight.target === 'number';
    const host = isOwn ? node.address : (server?.hostname ?? '');
    const port = isOwn ? sight.target : Number(server?.port ?? 443);
    return (
      (await statusOf({ host, port, path: sight.path, cert, key, ...(ca === undefined ? {} : { ca }) })) ===
      200
    );
  }
  const since = startOfProcess('/proc', sight.process, node.address);
  if (since === undefined || since < material.writtenMs) return false;
  return (await statusOf({ host: node.address, port: 6443, path: '/readyz' })) === 200;
}

function readMaterial(root: string, { form, path }: Pick<Place, 'form' | 'path'>): Material | undefined {
  try {
    if (form === 'pair') {
      const [cert, key] = ['.crt', '.key'].map((end) => fs.readFileSync(join(root, `${path}${end}`), 'utf8'));
      return { cert: cert ?? '', key: key ?? '', writtenMs: fs.statSync(join(root, `${path}.crt`)).mtimeMs };
    }
    if (form === 'kubeconfig') return readKubeconfig(root, path);
    const text = fs.readFileSync(resolveLink(root, path), 'utf8');
    return { cert: text, key: text, writtenMs: 0, ...serverOf(root, 'etc/kubernetes/kubelet.conf') };
  } catch {
    // Between two renames there may be none.
    return undefined;
  }
}

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; 'certificate-authority-data': string } }[];
  readonly users: readonly { user: { 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
}

function readKubeconfig(root: string, path: string): Material {
  const config: Kubeconfig = parse(fs.readFileSync(join(root, path), 'utf8'));
  const user = config.users[0]?.user ?? {};
  return {
    cert: fromBase64(user['client-certificate-data']),
    key: fromBase64(user['client-key-data']),
    writtenMs: 0,
    ...serverOf(root, path),
  };
}

const fromBase64 = (text = ''): string => Buffer.from(text, 'base64').toString('latin1');

function serverOf(root: string, path: string): { readonly server?: URL; readonly ca?: string } {
  const config: Kubeconfig = parse(fs.readFileSync(join(root, path), 'utf8'));
  const cluster = config.clusters[0]?.cluster;
  if (cluster === undefined) return {};
  const ca = fromBase64(cluster['certificate-authority-data']);
  return { server: new URL(cluster.server), ca };
}

/** A link of the node counts from its own root. */
function resolveLink(root: string, path: string): string {
  const file = join(root, path);
  if (fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return file;
  const target = fs.readlinkSync(file);
  return posix.isAbsolute(target) ? join(root, target) : join(file, '..', target);
}

function parseFirst(text: string): X509Certificate | undefined {
  const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/u.exec(text)?.[0];
  return block === undefined ? undefined : new X509Certificate(block);
}

const serialOf = ({ serialNumber }: X509Certificate): string =>
  serialNumber.toLowerCase().replace(/^(?:00)+(?=.)/u, '');

const identityOf = ({ subject, subjectAltName = '', keyUsage, issuer, publicKey }: X509Certificate): string =>
  [subject, subjectAltName, String(keyUsage), keyTypeOf(publicKey), `by ${issuer}`]
    .join('; ')
    .replaceAll('\n', ', ');

/** `ec prime256v1`, `rsa 2048`: a renewal keeps it. */
function keyTypeOf({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string {
  const { namedCurve, modulusLength } = asymmetricKeyDetails;
  return [asymmetricKeyType, namedCurve ?? modulusLength].filter((part) => part !== undefined).join(' ');
}

function fits(certificate: X509Certificate, text: string): boolean {
  try {
    const block = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----/u.exec(text)?.[0];
    return certificate.checkPrivateKey(createPrivateKey(block ?? ''));
  } catch {
    return false;
  }
}

async function shownAt(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: timeoutMs });
    const end = (serial?: string): void => {
      socket.destroy();
      resolve(serial);
    };
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      end(certificate === undefined ? undefined : serialOf(certificate));
    });
    socket.once('timeout', () => end());
    socket.on('error', () => end());
  });
}

interface Question {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
}

/** 0 when there is no answer. */
async function statusOf(question: Question): Promise<number> {
  return new Promise((resolve) => {
    try {
      const verify = question.ca !== undefined;
      const options = { ...question, agent: false, timeout: timeoutMs, rejectUnauthorized: verify };
      const sent = request(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.once('timeout', () => sent.destroy(new Error('late')));
      sent.once('error', () => resolve(0));
      sent.end();
    } catch {
      // Key and certificate that do not fit are refused before anything is sent.
      resolve(0);
    }
  });
}
