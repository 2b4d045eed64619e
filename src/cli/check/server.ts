// What a server shows, whoever runs it: `--server HOST:PORT`.
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { caIds } from '../../catalogue/ids.ts';
import { CertError, withAdvice } from '../../errors.ts';
import { discoverNode } from '../../host/discovery.ts';
import { servedChain } from '../../host/probes.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { isSignedBy } from '../../pki/verify.ts';
import { manualLifetimes } from '../../policy/due.ts';
import {
  describeCertificate,
  rowContext,
  sanText,
  seenWhole,
  type Authorities,
} from '../../rotation/inventory.ts';
import type { HostPort } from '../grammar.ts';
import { ownCall } from '../own-call.ts';
import { runtimeToolOf } from '../runtime-tool.ts';
import type { CheckNode } from './gather.ts';
import type { NodePicture, SeenCertificate } from './picture.ts';

const timeoutMs = 10_000;

/** @throws CertError Unreachable, MalformedDer, Aborted */
export async function askServer(
  node: CheckNode,
  server: HostPort,
  signal: AbortSignal,
): Promise<NodePicture> {
  const chain = await shownBy(server, signal);
  const { authorities } = rowContext(seenWhole(node.files), discoverNode(node.files));
  return {
    certificates: chain.map((certificate, index) => seeServed(server, { certificate, index }, authorities)),
    authorities,
    caKeys: {},
    copies: [],
    rotation: { kind: 'none' },
    stopped: [],
    withoutManifest: [],
    manifests: undefined,
    call: ownCall(),
    tool: runtimeToolOf(node.files),
    notes: [],
  };
}

async function shownBy(server: HostPort, signal: AbortSignal): Promise<Certificate[]> {
  try {
    return await servedChain({ ...server, timeoutMs }, signal);
  } catch (error) {
    if (!(error instanceof CertError) || error.code !== 'Unreachable') throw error;
    const message = withAdvice(error.message, 'name one that runs, as this machine reaches it');
    throw new CertError(error.code, message, { ...error.place, cause: error });
  }
}

interface Shown {
  readonly certificate: Certificate;
  readonly index: number;
}

function seeServed(
  { host, port }: HostPort,
  { certificate, index }: Shown,
  authorities: Authorities,
): SeenCertificate {
  const where = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const ca = caIds.find((id) => authorities[id].some((each) => isSignedBy(certificate, each)));
  const described = describeCertificate(certificate);
  return {
    row: {
      id: index === 0 ? where : `${where} chain ${index}`,
      path: where,
      kind: 'served',
      ca: ca ?? null,
      ...described,
      state: 'Ok',
      reason: '',
    },
    id: undefined,
    title: index === 0 ? 'shown by the server' : 'shown along with it',
    component: 'none',
    profile: manualLifetimes['control-plane'],
    caNotAfter: undefined,
    key: 'unknown',
    use: { kind: 'none' },
    remarks: [
      `subject ${described.subject}, issuer ${described.issuer}, serial ${described.serial}`,
      ...(index === 0 ? namesOf(host, certificate) : []),
    ],
  };
}

function namesOf(host: string, { der, sans }: Certificate): readonly string[] {
  const names = sans.map(sanText);
  const parsed = new X509Certificate(der);
  const isNamed = (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) !== undefined;
  return [
    `names ${names.join(', ') || 'nothing'}`,
    ...(isNamed ? [] : [`does not name ${host}: clients that asked for it by that name refuse it`]),
  ];
}
