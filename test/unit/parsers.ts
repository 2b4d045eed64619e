// Every reader of foreign input, with real texts that it reads: for the unit tests, and for the long run of test/fuzz.
import { readFileSync } from 'node:fs';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { checkers, decodeMessages, encodeMessage } from '../../src/agent/message.ts';
import { readRequests, readResponses, requestText, responseText } from '../../src/cli/offline/block.ts';
import { parseConfiguration } from '../../src/controller/configuration.ts';
import { certificateMessages, harvestMessages } from '../../src/controller/harvest/messages.ts';
import { inventoryKey, readInventory } from '../../src/controller/inventory-store.ts';
import { readKubeadmHosts } from '../../src/controller/signer/endpoints.ts';
import { readRenewal, readRequest } from '../../src/controller/signer/requests.ts';
import { parseKubeconfig, replaceUserData } from '../../src/formats/kubeconfig.ts';
import { kubeletFlags, readEnvironmentFile, readUnit } from '../../src/formats/kubelet-config-unit.ts';
import { effectiveSettings, readKubeletConfiguration } from '../../src/formats/kubelet-config.ts';
import { annotate, readManifest } from '../../src/formats/manifest.ts';
import { readBundle, readCertificates, replaceCertificate, replaceKey } from '../../src/formats/pem.ts';
import { decode, statusOf } from '../../src/kube/answers.ts';
import { annotations } from '../../src/kube/types.ts';
import { addressOctets } from '../../src/pki/address.ts';
import { generateLike, readPrivateKey } from '../../src/pki/keys.ts';
import { parseCertificate } from '../../src/pki/parse.ts';
import { pem, readPem } from '../../src/pki/pem.ts';
import { makeRequest, parseRequest } from '../../src/pki/request.ts';
import { checkCa, isSignedBy } from '../../src/pki/verify.ts';
import type { Bench } from '../judge/judge.ts';
import { ownFiles } from './own-files.ts';
import type { Parser } from './parser.ts';
import * as samples from './samples.ts';

const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

function json(first: object, ...more: readonly object[]): [string, ...string[]] {
  return [JSON.stringify(first), ...more.map((each) => JSON.stringify(each))];
}
const csr = (request: string, renews: string) => ({
  metadata: { annotations: { [annotations.renews]: renews } },
  spec: { request, signerName: 'certrotator.cpaas.io/node' },
});
const container = { name: 'c', image: '', imageID: '', ready: false, restartCount: 0 };
const pod = (message: string): Pod => ({
  status: { containerStatuses: [{ ...container, state: { terminated: { exitCode: 0, message } } }] },
});

/** @param bench where openssl makes the certificates and keys of the seeds */
export async function parsersOf(bench: Bench): Promise<readonly Parser[]> {
  return [...foreignInput(bench), ...(await ownFiles())];
}

function foreignInput(bench: Bench): readonly Parser[] {
  bench.key('P-256');
  bench.key('RSA-2048');
  bench.openssl(
    'req -x509 -key P-256-a.key -days 30 -out x.crt -addext subjectAltName=DNS:a,IP:10.0.0.1,URI:u:x -subj',
    '/O=system:nodes/CN=system:node:n1',
  );
  const certificate = readFileSync(bench.path('x.crt'), 'latin1');
  const der = readPem(certificate)[0]?.der ?? new Uint8Array();
  const old = parseCertificate(der);
  const pair = generateLike({ keyAlgorithm: 'P-256' });
  const requestDer = makeRequest(pair, 'apiserver.crt');
  const ecKey = bench.openssl('ecparam -genkey -name prime256v1');
  const keys = [bench.key('RSA-2048'), ecKey, bench.openssl('genrsa -traditional 2048')].join('');
  const kubeconfig = samples.kubeconfig(certificate, ecKey);

  return [
    { name: 'PEM', seeds: [certificate, keys, certificate + ecKey], readers: [readPem] },
    {
      name: 'a PEM bundle, and its edits',
      seeds: [certificate + ecKey, `bag\r\n${ecKey}${certificate}`, keys],
      readers: [
        (text) => readBundle(latin1(text)),
        (text) => readCertificates(latin1(text)),
        (text) => replaceCertificate(latin1(text), { der }),
        (text) => replaceKey(latin1(text), pair.key),
      ],
    },
    { name: 'a private key', seeds: [ecKey, keys, pem('PRIVATE KEY', der)], readers: [readPrivateKey] },
    {
      name: 'a certificate in DER',
      seeds: [binary(der), binary(requestDer)],
      readers: [
        (text) => isSignedBy(parseCertificate(latin1(text)), old),
        (text) => isSignedBy(old, parseCertificate(latin1(text))),
        (text) => checkCa(parseCertificate(latin1(text))),
      ],
    },
    {
      name: 'a certificate request in DER',
      seeds: [binary(requestDer), binary(der)],
      readers: [(text) => parseRequest(latin1(text))],
    },
    { name: 'an address', seeds: ['10.0.0.1', 'fd00::7', '::ffff:10.0.0.1'], readers: [addressOctets] },
    {
      name: 'a kubeconfig, and its edit',
      seeds: [kubeconfig],
      readers: [
        (text) => parseKubeconfig(text, '/etc/kubernetes/admin.conf'),
        (text) => replaceUserData(text, 'admin', { certificatePem: certificate, keyPem: ecKey }),
      ],
    },
    {
      name: 'a static Pod manifest, and its edit',
      seeds: [samples.manifest],
      readers: [
        (text) => readManifest(text, 'm.yaml'),
        (text) => annotate(text, 'certrotator.cpaas.io/restarted-at', 'x'),
      ],
    },
    {
      name: 'the kubelet’s configuration',
      seeds: [samples.kubeletConfiguration],
      readers: [(text) => effectiveSettings(new Map(), [readKubeletConfiguration(text, 'config.yaml')])],
    },
    {
      name: 'a systemd unit',
      seeds: [samples.unit, samples.dropIn],
      readers: [
        (text) => kubeletFlags(readUnit([{ path: 'kubelet.service', text }]), () => samples.environment),
      ],
    },
    {
      name: 'an environment file',
      seeds: [samples.environment],
      readers: [
        readEnvironmentFile,
        (text) => kubeletFlags(readUnit([{ path: 'u', text: samples.dropIn }]), () => text),
      ],
    },
    {
      name: 'the agent’s messages, as text',
      seeds: [encodeMessage(samples.scanResult), encodeMessage(samples.rotateResult)],
      readers: [
        (text) => decodeMessages([text], checkers.scan),
        (text) => decodeMessages([text, text], checkers.rotate),
      ],
    },
    {
      name: 'the agent’s messages, by content',
      seeds: json(samples.scanResult, samples.rotateResult),
      isJson: true,
      readers: [
        (text) => decodeMessages([encodeMessage(asObject(text))], checkers.scan),
        (text) => decodeMessages([encodeMessage(asObject(text))], checkers.rotate),
        (text) => decodeMessages([encodeMessage(asObject(text))], checkers.done),
      ],
    },
    {
      name: 'the messages of a harvest',
      seeds: json(...samples.harvest),
      isJson: true,
      readers: [(text) => harvestMessages(pod(text)), (text) => certificateMessages(pod(text))],
    },
    {
      name: 'node-local-certs',
      seeds: json(samples.inventory),
      isJson: true,
      readers: [
        (text) =>
          readInventory({ metadata: { name: 'node-local-certs-n1' }, data: { [inventoryKey]: text } }),
      ],
    },
    { name: 'the controller’s configuration', seeds: [samples.configuration], readers: [parseConfiguration] },
    {
      name: 'kubeadm’s ClusterConfiguration',
      seeds: [samples.clusterConfiguration],
      readers: [readKubeadmHosts],
    },
    {
      name: 'a CertificateSigningRequest’s request',
      seeds: [pem('CERTIFICATE REQUEST', requestDer), certificate],
      readers: [(text) => readRequest(csr(base64(text), '')), (text) => readRequest(csr(text, ''))],
    },
    {
      name: 'a CertificateSigningRequest’s proof by the old key',
      seeds: json({ certificate, signature: 'AAAA' }),
      isJson: true,
      readers: [(text) => readRenewal(csr('', base64(text))), (text) => readRenewal(csr('', text))],
    },
    {
      name: 'an answer of the API server',
      seeds: json(samples.status),
      isJson: true,
      readers: [
        (text) => statusOf({ status: 403, text }),
        (text) => decode({ method: 'GET', path: '/' }, { status: 200, text }),
        (text) => decode({ method: 'GET', path: '/' }, { status: 503, text }),
      ],
    },
    {
      name: 'what goes between nodes by post',
      seeds: [requestText(samples.postRequest), responseText(samples.postResponse)],
      readers: [readRequests, readResponses],
    },
    {
      name: 'what goes between nodes by post, by content',
      seeds: json(samples.postRequest, samples.postResponse),
      isJson: true,
      readers: [
        (text) => readRequests(pem('CERT RENEW REQUEST', latin1(text === '' ? ' ' : text))),
        (text) => readResponses(pem('CERT RENEW RESPONSE', latin1(text === '' ? ' ' : text))),
      ],
    },
  ];
}

/** What a JSON text holds as encodeMessage takes it; what is no JSON at all is the case "as text". */
function asObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : { value };
  } catch {
    return { text };
  }
}
