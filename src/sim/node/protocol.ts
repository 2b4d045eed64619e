// What the kubelet of a simulated node and its container runtime say to each other, over a socket of the node. The
// runtime outlives the kubelet, as containerd does: a restart of the kubelet ends no container.

export const runtimeSocket = '/run/containerd/containerd.sock';
/** Where `systemctl` reaches PID 1 (systemd's own private socket has this name). */
export const systemdSocket = '/run/systemd/private';
/** Which images this node has, by reference. */
export const imageStore = '/var/lib/containerd/images.json';

export interface Mount {
  /** Of the node. */
  readonly source: string;
  /** Of the container. */
  readonly target: string;
  readonly readOnly: boolean;
}

export interface ContainerOrder {
  readonly id: string;
  readonly image: string;
  /** As the Pod says it; the image's own when empty. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** Whether it sees the processes of the node. */
  readonly hostPID: boolean;
  readonly readOnlyRoot: boolean;
  /** File of the node that takes what it prints. */
  readonly log: string;
  /** Whose it is: given back as it came. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerState {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly running: boolean;
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
}

/** Rises with every change, so that the kubelet can wait for the next. */
export interface ContainerList {
  readonly revision: number;
  readonly containers: readonly ContainerState[];
}

export interface Image {
  /** What of the node is its content, by the path in the image. */
  readonly content: readonly Mount[];
  /**
   * Programs that run on Node under a name of their own: by the first word of the command, the script. The process then
   * has the program's name and flags, as a compiled one has.
   */
  readonly scripts: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export type ImageStore = Readonly<Record<string, Image>>;
