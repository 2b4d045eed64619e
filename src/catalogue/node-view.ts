// A node as its own configuration describes it: the kubelet's settings, the static Pods, the kubeconfigs they name.
import { posix } from 'node:path';
import { CertError, describeError } from '../errors.ts';
import {
  effectiveSettings,
  readKubeletConfiguration,
  type KubeletConfiguration,
  type KubeletSettings,
} from '../formats/kubelet-config.ts';
import {
  kubeletFlags,
  readEnvironmentFile,
  readUnit,
  type UnitFile,
} from '../formats/kubelet-config-unit.ts';
import { flagsOf, hostPathOf, readManifest, type ManifestContainer } from '../formats/manifest.ts';
import {
  currentCluster,
  currentUser,
  parseKubeconfig,
  type Kubeconfig,
  type KubeconfigUser,
} from '../formats/kubeconfig.ts';
import { staticComponents, type Location, type StaticComponent } from './ids.ts';
import { problemText, type Reading, type SnapshotReader } from './snapshot.ts';

export interface StaticPod {
  readonly path: string;
  /** Undefined: the manifest is there and cannot be read; kubeadm's defaults hold. */
  readonly container: ManifestContainer | undefined;
}

/** What is wrong with a kubeconfig that gives no certificate. */
export type Lack = 'absent' | 'unreachable' | 'unreadable' | 'no-certificate';

export interface KubeletView extends KubeletSettings {
  /** Its flags are kubeadm's, since its unit does not say them: it may look for all of this elsewhere. */
  readonly isAssumed: boolean;
}

export interface NodeView {
  readonly kubelet: KubeletView;
  readonly pods: ReadonlyMap<StaticComponent, StaticPod>;
  /** Host path that a component's flag names; undefined when it does not. */
  flagPath(component: StaticComponent, flag: string): string | undefined;
  flag(component: StaticComponent, flag: string): string | undefined;
  /** Where the client certificate of a kubeconfig lies; undefined when it has none or is not there. */
  credential(path: string): Location | undefined;
  /** Why `credential` gives none, in words. */
  lacks(path: string): { readonly lack: Lack; readonly reason: string };
  /** The server that a kubeconfig names, when it can be read. */
  server(path: string): string | undefined;
  /** Path with its links resolved: two names of one file are one file. */
  realPath(path: string): string;
  isPresent(path: string): boolean;
}

const unitDirectories = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'] as const;
const kubeadm = {
  config: '/var/lib/kubelet/config.yaml',
  flags: '/var/lib/kubelet/kubeadm-flags.env',
  kubeconfig: '/etc/kubernetes/kubelet.conf',
  manifests: '/etc/kubernetes/manifests',
} as const;

/** Effective settings of the kubelet; kubeadm's places where nothing else is said. */
export function viewKubelet(reader: SnapshotReader): KubeletView {
  const { flags, isAssumed } = commandLine(reader);
  if (!reader.complete) return { ...effectiveSettings(flags, []), isAssumed };
  const path = flags.get('config') ?? kubeadm.config;
  const base = configuration(reader, path);
  const directory = flags.get('config-dir');
  const dropIns =
    directory === undefined
      ? []
      : reader
          .names(directory)
          .filter((name) => name.endsWith('.conf'))
          .toSorted()
          .map((name) => configuration(reader, posix.join(directory, name)) ?? {});
  const settings = effectiveSettings(flags, [base ?? {}, ...dropIns]);
  const assumed = base === undefined && !flags.has('pod-manifest-path') ? kubeadm.manifests : undefined;
  return {
    ...settings,
    isAssumed,
    configPath: path,
    kubeconfigPath:
      settings.kubeconfigPath ?? (standsAlone(reader, settings, isAssumed) ? undefined : kubeadm.kubeconfig),
    staticPodPath: settings.staticPodPath ?? assumed,
  };
}

/** A kubelet without an API server, that only keeps static Pods: kubeadm's own way to run an etcd outside of the cluster. */
function standsAlone(reader: SnapshotReader, settings: KubeletSettings, isAssumed: boolean): boolean {
  if (isAssumed || settings.bootstrapKubeconfigPath !== undefined) return false;
  // A wrapper may say more than its unit: what lies there is not given up.
  return reader.file(kubeadm.kubeconfig).kind === 'absent';
}

interface CommandLine {
  readonly flags: ReadonlyMap<string, string>;
  /** They are kubeadm's, since the unit does not say them. */
  readonly isAssumed: boolean;
}

function commandLine(reader: SnapshotReader): CommandLine {
  const unit = firstText(
    reader,
    unitDirectories.map((directory) => `${directory}/kubelet.service`),
  );
  const dropIns = new Map<string, UnitFile>();
  // The directory with the higher rank wins for the same name; all are applied by name.
  for (const directory of unitDirectories.toReversed()) {
    for (const name of reader
      .names(`${directory}/kubelet.service.d`)
      .filter((each) => each.endsWith('.conf'))) {
      const path = `${directory}/kubelet.service.d/${name}`;
      dropIns.set(name, { path, text: reader.text(path) ?? '' });
    }
  }
  const ordered = [...dropIns.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
  const files = unit === undefined ? ordered : [unit, ...ordered];
  const parsed = readUnit(files);
  const flags = kubeletFlags(parsed, (path) => optionalText(reader, path));
  // A script around the kubelet says nothing of its flags, or only the shell's own `-c`.
  if ([...flags.keys()].some((name) => name.length > 1)) return { flags, isAssumed: false };
  if (reader.complete) {
    const why =
      parsed.execStart === undefined ? 'systemd unit was not found' : 'systemd unit names none of its flags';
    reader.note(`the kubelet’s ${why}; kubeadm’s defaults are assumed`);
  }
  const text = reader.text(kubeadm.flags) ?? '';
  const assumed = flagsOf((readEnvironmentFile(text).get('KUBELET_KUBEADM_ARGS') ?? '').split(/\s+/u));
  return { flags: assumed, isAssumed: true };
}

/** Environment files are optional nearly everywhere (`-/etc/sysconfig/kubelet`): not worth a note when unreachable. */
function optionalText(reader: SnapshotReader, path: string): string | undefined {
  return reader.file(path).kind === 'unreachable' ? undefined : reader.text(path);
}

/** The first that is there. Unreachable places are not worth a note: /lib is a link on most hosts. */
function firstText(reader: SnapshotReader, paths: readonly string[]): UnitFile | undefined {
  for (const path of paths) {
    const reading = reader.file(path);
    if (reading.kind === 'text') return { path, text: reading.text };
  }
  return undefined;
}

function configuration(reader: SnapshotReader, path: string): KubeletConfiguration | undefined {
  const text = reader.text(path);
  return text === undefined ? undefined : orNote(reader, () => readKubeletConfiguration(text, path));
}

/** The static Pods of the control plane, by what runs in them. */
export function viewStaticPods(
  reader: SnapshotReader,
  directory: string | undefined,
): ReadonlyMap<StaticComponent, StaticPod> {
  const pods = new Map<StaticComponent, StaticPod>();
  if (directory === undefined) return pods;
  const unknown: string[] = [];
  // The kubelet reads every name without a leading dot, in this order, and the last one of a Pod wins.
  for (const name of reader.names(directory).toSorted()) {
    if (name.startsWith('.')) continue;
    const path = posix.join(directory, name);
    const text = reader.text(path);
    if (text === undefined) continue;
    const manifest = orNote(reader, () => readManifest(text, path));
    const found = manifest === undefined ? byFileName(name) : runs(manifest.containers);
    if (found === undefined) {
      unknown.push(name);
      continue;
    }
    const before = pods.get(found.component);
    if (before !== undefined) {
      reader.note(
        `${before.path} and ${path} both hold a ${found.component}; remove the one that is not meant`,
      );
    }
    pods.set(found.component, { path, container: found.container });
  }
  for (const name of unknown) {
    const component = byFileName(name)?.component;
    if (component === undefined || pods.has(component)) continue;
    const path = posix.join(directory, name);
    reader.note(
      `${path}: none of its containers is named ${component} or runs it by that name; kubeadm’s places are assumed`,
    );
    pods.set(component, { path, container: undefined });
  }
  return pods;
}

interface Found {
  readonly component: StaticComponent;
  readonly container: ManifestContainer | undefined;
}

function byFileName(name: string): Found | undefined {
  const component = staticComponents.find((each) => posix.parse(name).name === each);
  return component === undefined ? undefined : { component, container: undefined };
}

function runs(containers: readonly ManifestContainer[]): Found | undefined {
  for (const container of containers) {
    const command = posix.basename(container.command[0] ?? '');
    const component = staticComponents.find((each) => each === container.name || each === command);
    if (component !== undefined) return { component, container };
  }
  return undefined;
}

export function viewNode(
  reader: SnapshotReader,
  kubelet: KubeletView,
  pods: ReadonlyMap<StaticComponent, StaticPod>,
): NodeView {
  const flag = (component: StaticComponent, name: string): string | undefined => {
    const container = pods.get(component)?.container;
    // etcd reads its flags from the environment as well, and the flag wins.
    const variable = component === 'etcd' ? `ETCD_${name.toUpperCase().replaceAll('-', '_')}` : '';
    return container?.flags.get(name) ?? container?.environment.get(variable);
  };
  return {
    kubelet,
    pods,
    flag,
    flagPath(component, name) {
      const [container, path] = [pods.get(component)?.container, flag(component, name)];
      if (container === undefined || path === undefined || !path.startsWith('/')) return undefined;
      return hostPathOf(container, path) ?? path;
    },
    credential(path) {
      const config = kubeconfig(reader, path);
      return config === undefined ? undefined : credentialOf(reader, path, config);
    },
    lacks: (path) => lackOf(reader.file(path), path),
    server(path) {
      const config = kubeconfig(reader, path);
      return config === undefined ? undefined : (currentCluster(config) ?? config.clusters[0])?.server;
    },
    realPath(path) {
      const reading = reader.file(path);
      return reading.kind === 'text' ? reading.realPath : path;
    },
    isPresent: (path) => reader.file(path).kind !== 'absent',
  };
}

function kubeconfig(reader: SnapshotReader, path: string): Kubeconfig | undefined {
  const text = reader.text(path);
  return text === undefined ? undefined : orNote(reader, () => parseKubeconfig(text, path));
}

function lackOf(reading: Reading, path: string): { readonly lack: Lack; readonly reason: string } {
  if (reading.kind === 'absent') return { lack: 'absent', reason: `${path} does not exist` };
  if (reading.kind !== 'text') {
    const lack = reading.kind === 'unreachable' ? 'unreachable' : 'unreadable';
    return { lack, reason: problemText(path, reading) };
  }
  try {
    const lack = logsInOtherwise(parseKubeconfig(reading.text, path)) ? 'no-certificate' : 'unreadable';
    return { lack, reason: `${path} holds no client certificate that can be renewed` };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return { lack: 'unreadable', reason: describeError(error) };
  }
}

/** Nothing but a token, say. Who has no way at all to log in, or half a pair, has lost something. */
function logsInOtherwise(config: Kubeconfig): boolean {
  const user = currentUser(config);
  const users = user === undefined && config.currentContext === undefined ? config.users : [user];
  return (
    users.length > 0 &&
    users.every((each) => each !== undefined && each.others.length > 0 && each.certificate === undefined)
  );
}

/** The current context's user when it has a certificate, else the first that has one. */
function credentialOf(reader: SnapshotReader, path: string, config: Kubeconfig): Location | undefined {
  const withCertificate = config.users.filter((user) => user.certificate !== undefined);
  const current = currentUser(config);
  const chosen = current?.certificate === undefined ? withCertificate[0] : current;
  if (chosen === undefined) return undefined;
  const others = withCertificate.filter((user) => user.name !== chosen.name).map((user) => user.name);
  if (others.length > 0)
    reader.note(`${path}: the certificates of users ${others.join(', ')} are not managed`);
  const location = locationOf(path, chosen);
  if (location === undefined) {
    reader.note(`${path}: user ${chosen.name} has certificate and key in different ways; not managed`);
  }
  return location;
}

function locationOf(path: string, { name, certificate, key }: KubeconfigUser): Location | undefined {
  if (certificate?.kind === 'data' && key?.kind === 'data') return { form: 'kubeconfig', path, user: name };
  if (certificate?.kind !== 'file' || key?.kind !== 'file') return undefined;
  return certificate.path === key.path
    ? { form: 'combined', path: key.path }
    : { form: 'pair', certPath: certificate.path, keyPath: key.path };
}

/** What cannot be parsed becomes a note: one bad file must not hide the others. */
function orNote<T>(reader: SnapshotReader, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    reader.note(describeError(error));
    return undefined;
  }
}
