// The kubelet of a simulated node: flags, configuration file and kubeconfig as the real one has them. It runs static Pods
// without an API, Pods of the API with it, reports its Node, and serves 10250. One thing ends it at its start as it does
// the real one: a client certificate that has expired.
import * as fs from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { describeError } from '../../errors.ts';
import { effectiveSettings, readKubeletConfiguration } from '../../formats/kubelet-config.ts';
import { flagsOf } from '../../formats/manifest.ts';
import { accessOf, Api } from './api.ts';
import { PodKeeper } from './kubelet/keeper.ts';
import { register, renewLease, report, type NodeFacts } from './kubelet/node-object.ts';
import { RuntimeClient } from './kubelet/runtime-client.ts';
import { refuseExpired } from './kubelet/expired.ts';
import { serveFiles } from './served.ts';
import { TLSSocket } from 'node:tls';

const reportMs = 5000;
const probeMs = 1000;
const manifestMs = 500;
/** The real kubelet takes up to two minutes; a demo has not many more. */
const configMapMs = 10_000;
const againMs = 100;

async function main(args: readonly string[], signal: AbortSignal): Promise<void> {
  const flags = flagsOf(args);
  const configPath = flags.get('config') ?? '/var/lib/kubelet/config.yaml';
  const settings = effectiveSettings(flags, [
    readKubeletConfiguration(fs.readFileSync(configPath, 'utf8'), configPath),
  ]);
  const kubeconfig = settings.kubeconfigPath ?? '/etc/kubernetes/kubelet.conf';
  refuseExpired(kubeconfig, new Date());
  const address = flags.get('node-ip') ?? settings.address;
  const facts: NodeFacts = {
    name: flags.get('hostname-override') ?? '',
    address,
    machineID: fs.readFileSync('/etc/machine-id', 'utf8').trim(),
    port: settings.port,
    version: 'v1.34.4',
  };
  const api = new Api(accessOf(kubeconfig));
  const runtime = new RuntimeClient();
  const keeper = new PodKeeper({
    api,
    runtime,
    node: facts.name,
    address,
    podAddress: (index) => address.replace(/\d+$/u, String(10 + index)),
    manifests: settings.staticPodPath,
    log,
  });
  await serve(settings, signal);
  const pods = `/api/v1/pods?fieldSelector=spec.nodeName%3D${facts.name}`;
  await Promise.all([
    followContainers(runtime, keeper, signal),
    api.follow<Pod & { metadata: object }>(pods, (all) => keeper.notePods(all), signal),
    every(manifestMs, signal, () => keeper.lookAtManifests()),
    every(probeMs, signal, async () => keeper.probe()),
    every(configMapMs, signal, async () => keeper.renewConfigMaps()),
    beAlive(api, facts, keeper, signal),
  ]);
}

async function serve(
  {
    tlsCertFile,
    tlsPrivateKeyFile,
    certDirectory,
    clientCAFile,
    address,
    port,
  }: ReturnType<typeof effectiveSettings>,
  signal: AbortSignal,
): Promise<void> {
  const files = {
    certFile: tlsCertFile ?? `${certDirectory}/kubelet.crt`,
    keyFile: tlsPrivateKeyFile ?? `${certDirectory}/kubelet.key`,
    ...(clientCAFile === undefined ? {} : { clientCaFile: clientCAFile }),
  };
  await serveFiles(
    files,
    { host: address, port },
    ({ socket, url }, response) => {
      const known = socket instanceof TLSSocket && socket.authorized;
      const status = known ? (url === '/healthz' ? 200 : 404) : 401;
      response.writeHead(status).end(status === 200 ? 'ok' : 'Unauthorized');
    },
    signal,
  );
}

async function beAlive(api: Api, facts: NodeFacts, keeper: PodKeeper, signal: AbortSignal): Promise<void> {
  await every(againMs, signal, async () => {
    const uid = await register(api, facts);
    await report(api, facts);
    keeper.noteNode(uid);
    await every(reportMs, signal, async () => {
      await Promise.all([report(api, facts), renewLease(api, facts.name)]);
    });
  });
}

async function followContainers(
  runtime: RuntimeClient,
  keeper: PodKeeper,
  signal: AbortSignal,
): Promise<void> {
  let revision = 0;
  await every(0, signal, async () => {
    const list = await runtime.list(revision);
    revision = list.revision;
    keeper.noteContainers(list.containers);
  });
}

/** Again and again until the signal; what goes wrong is logged and tried again. */
async function every(
  milliseconds: number,
  signal: AbortSignal,
  work: () => void | Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      log(describeError(error));
      await wait(againMs, undefined, { signal }).catch(() => undefined);
    }
    await wait(milliseconds, undefined, { signal }).catch(() => undefined);
  }
}

function log(text: string): void {
  console.log(`${new Date().toISOString()} ${text}`);
}

const stop = new AbortController();
// Nothing of it is worth waiting for: containers are the runtime's.
process.once('SIGTERM', () => process.exit(0));
try {
  await main(process.argv.slice(2), stop.signal);
} catch (error) {
  log(describeError(error));
  process.exit(1);
}
