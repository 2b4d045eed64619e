// Static Pod manifests as the kubelet reads them: what the containers are told, and where their files lie on the host.
// What the text means; how it is edited: manifest-annotate.ts.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { field, isRecord, parseYaml, textField, type YamlText } from './yaml-text.ts';

export interface ManifestContainer {
  readonly name: string;
  /** command and args, one after the other. */
  readonly command: readonly string[];
  /** `--name=value` and `--name value`; a flag without a value is "true"; the last one wins, as in pflag. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: ReadonlyMap<string, string>;
  /** Container path → host path, for hostPath volumes; longest container path first. */
  readonly mounts: readonly { readonly mountPath: string; readonly hostPath: string }[];
}

export interface Manifest {
  readonly name: string;
  readonly namespace: string;
  readonly hostNetwork: boolean;
  readonly annotations: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly containers: readonly ManifestContainer[];
}

/**
 * @param file path for messages
 * @throws CertError MalformedYaml, Unsupported (a List, another kind, several documents, templates)
 */
export function readManifest(text: string, file: string): Manifest {
  return manifestOf(parseYaml(text, file));
}

/** The Pod in a text that was parsed already. @throws CertError Unsupported */
export function manifestOf({ value, file }: YamlText): Manifest {
  const [apiVersion, kind] = [field(value, 'apiVersion'), field(value, 'kind')];
  if (kind !== 'Pod' || apiVersion !== 'v1') {
    const what = `${JSON.stringify(apiVersion) ?? 'none'} ${JSON.stringify(kind) ?? 'none'}`;
    throw new CertError('Unsupported', `${file} is no static Pod: it is ${what}, not v1 Pod`, { file });
  }
  const metadata = field(value, 'metadata');
  const name = textField(metadata, 'name', file, 'metadata');
  if (name === undefined)
    throw new CertError('Unsupported', `${file}: the Pod has no metadata.name`, { file });
  const spec = field(value, 'spec');
  const volumes = hostVolumes(spec);
  return {
    name,
    namespace: textField(metadata, 'namespace', file, 'metadata') ?? 'default',
    hostNetwork: field(spec, 'hostNetwork') === true,
    annotations: strings(field(metadata, 'annotations')),
    labels: strings(field(metadata, 'labels')),
    containers: records(field(spec, 'containers')).map((container) => containerOf(container, volumes)),
  };
}

function containerOf(container: unknown, volumes: ReadonlyMap<string, string>): ManifestContainer {
  const command = [...texts(field(container, 'command')), ...texts(field(container, 'args'))];
  const environment = records(field(container, 'env')).flatMap((variable): readonly [string, string][] => {
    const [name, value] = [field(variable, 'name'), field(variable, 'value')];
    return typeof name === 'string' && typeof value === 'string' ? [[name, value]] : [];
  });
  const name = field(container, 'name');
  return {
    name: typeof name === 'string' ? name : '',
    command,
    flags: flagsOf(command),
    environment: new Map(environment),
    mounts: records(field(container, 'volumeMounts'))
      .flatMap((mount) => mountOf(mount, volumes))
      .toSorted((a, b) => b.mountPath.length - a.mountPath.length),
  };
}

function mountOf(
  mount: unknown,
  volumes: ReadonlyMap<string, string>,
): readonly { readonly mountPath: string; readonly hostPath: string }[] {
  const [name, mountPath, subPath] = [
    field(mount, 'name'),
    field(mount, 'mountPath'),
    field(mount, 'subPath'),
  ];
  const volume = typeof name === 'string' ? volumes.get(name) : undefined;
  if (typeof mountPath !== 'string' || !mountPath.startsWith('/') || volume === undefined) return [];
  const hostPath = typeof subPath === 'string' ? posix.join(volume, subPath) : volume;
  return [{ mountPath: trimSlash(mountPath), hostPath: trimSlash(hostPath) }];
}

function hostVolumes(spec: unknown): ReadonlyMap<string, string> {
  return new Map(
    records(field(spec, 'volumes')).flatMap((volume): readonly [string, string][] => {
      const [name, path] = [field(volume, 'name'), field(field(volume, 'hostPath'), 'path')];
      return typeof name === 'string' && typeof path === 'string' && path.startsWith('/')
        ? [[name, path]]
        : [];
    }),
  );
}

/** Where a path of the container lies on the host; `undefined` when no hostPath volume shows it. */
export function hostPathOf(container: ManifestContainer, path: string): string | undefined {
  const clean = trimSlash(path);
  for (const { mountPath, hostPath } of container.mounts) {
    if (clean === mountPath) return hostPath;
    const under = mountPath === '/' ? '/' : `${mountPath}/`;
    if (clean.startsWith(under)) return posix.join(hostPath, clean.slice(under.length));
  }
  return undefined;
}

/** Flags of a command line (pflag, and Go's flag package with a single dash). Names without their dashes. */
export function flagsOf(command: readonly string[]): ReadonlyMap<string, string> {
  const flags = new Map<string, string>();
  for (const [index, argument] of command.entries()) {
    const match = /^--?([A-Za-z][A-Za-z0-9_.-]*)(?:=(.*))?$/su.exec(argument);
    if (match?.[1] === undefined) continue;
    const next = command[index + 1];
    flags.set(match[1], match[2] ?? (next === undefined || next.startsWith('-') ? 'true' : next));
  }
  return flags;
}

function trimSlash(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

function records(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function strings(value: unknown): ReadonlyMap<string, string> {
  if (!isRecord(value)) return new Map();
  return new Map(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}
