// What a kubelet was told: its command line out of the systemd unit, its configuration file and that file's drop-ins,
// flags over file as the kubelet itself does (kubernetes.io/docs/tasks/administer-cluster/kubelet-config-file).
import { CertError } from '../errors.ts';
import { field, isRecord, parseYaml } from './yaml-text.ts';

/** The parts of KubeletConfiguration (kubelet.config.k8s.io/v1beta1) that matter here. Absent = not said. */
export interface KubeletConfiguration {
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  /** Empty when the file says null or "": no static Pods. */
  readonly staticPodPath?: string;
  readonly rotateCertificates?: boolean;
  readonly serverTLSBootstrap?: boolean;
  readonly clientCAFile?: string;
  readonly address?: string;
  readonly port?: number;
}

/** What holds in the end. Paths are the node's own. */
export interface KubeletSettings {
  readonly configPath: string | undefined;
  readonly kubeconfigPath: string | undefined;
  readonly bootstrapKubeconfigPath: string | undefined;
  readonly certDirectory: string;
  readonly tlsCertFile: string | undefined;
  readonly tlsPrivateKeyFile: string | undefined;
  readonly staticPodPath: string | undefined;
  readonly rotateCertificates: boolean;
  readonly serverTLSBootstrap: boolean;
  readonly clientCAFile: string | undefined;
  /** Where 10250 listens: an address of the node, or a wildcard. */
  readonly address: string;
  readonly port: number;
}

/** @throws CertError MalformedYaml, Unsupported */
export function readKubeletConfiguration(text: string, file: string): KubeletConfiguration {
  const { value } = parseYaml(text, file);
  if (value === null) return {};
  if (!isRecord(value))
    throw new CertError('Unsupported', `${file} is no KubeletConfiguration: it is no map`, { file });
  const kind = field(value, 'kind');
  if (kind !== undefined && kind !== 'KubeletConfiguration') {
    throw new CertError(
      'Unsupported',
      `${file} is no KubeletConfiguration: its kind is ${JSON.stringify(kind)}`,
      { file },
    );
  }
  const string = (key: string, from: unknown = value): string | undefined => {
    const content = field(from, key);
    return typeof content === 'string' && content !== '' ? content : undefined;
  };
  const staticPodPath = Object.hasOwn(value, 'staticPodPath') ? (string('staticPodPath') ?? '') : undefined;
  const port = field(value, 'port');
  return withoutUndefined({
    tlsCertFile: string('tlsCertFile'),
    tlsPrivateKeyFile: string('tlsPrivateKeyFile'),
    staticPodPath,
    rotateCertificates: boolean(field(value, 'rotateCertificates')),
    serverTLSBootstrap: boolean(field(value, 'serverTLSBootstrap')),
    clientCAFile: string('clientCAFile', field(field(value, 'authentication'), 'x509')),
    address: string('address'),
    port: typeof port === 'number' && Number.isInteger(port) ? port : undefined,
  });
}

/**
 * Flags over drop-ins over file over the kubelet's defaults.
 *
 * @param configurations in the order in which the kubelet merges them: the file, then the drop-ins by name
 */
export function effectiveSettings(
  flags: ReadonlyMap<string, string>,
  configurations: readonly KubeletConfiguration[],
): KubeletSettings {
  const merged: KubeletConfiguration = Object.assign({}, ...configurations);
  const text = (name: string): string | undefined => flags.get(name) || undefined;
  const flag = (name: string): boolean | undefined =>
    flags.has(name) ? /^(?:1|t|true)$/iu.test(flags.get(name) ?? '') : undefined;
  const port = Number(flags.get('port') ?? merged.port ?? 10_250);
  return {
    configPath: text('config'),
    kubeconfigPath: text('kubeconfig'),
    bootstrapKubeconfigPath: text('bootstrap-kubeconfig'),
    certDirectory: text('cert-dir') ?? '/var/lib/kubelet/pki',
    tlsCertFile: text('tls-cert-file') ?? merged.tlsCertFile,
    tlsPrivateKeyFile: text('tls-private-key-file') ?? merged.tlsPrivateKeyFile,
    staticPodPath: (flags.get('pod-manifest-path') ?? merged.staticPodPath) || undefined,
    // The kubelet's default is false; kubeadm writes true.
    rotateCertificates: flag('rotate-certificates') ?? merged.rotateCertificates ?? false,
    serverTLSBootstrap: flag('rotate-server-certificates') ?? merged.serverTLSBootstrap ?? false,
    clientCAFile: text('client-ca-file') ?? merged.clientCAFile,
    address: text('address') ?? merged.address ?? '0.0.0.0',
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : 10_250,
  };
}

function boolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

/** Drops keys whose value is undefined, so that a merge of later files keeps what earlier ones said. */
function withoutUndefined(
  value: Readonly<Record<keyof KubeletConfiguration, unknown>>,
): KubeletConfiguration {
  return Object.fromEntries(Object.entries(value).filter(([, content]) => content !== undefined));
}
