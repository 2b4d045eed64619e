// What the observer makes of what it sees. Pure: one look after the other goes in, with what was seen before.
export interface SeenFile {
  readonly node: string;
  readonly id: string;
  readonly serial: string;
  /** Everything of a certificate that a renewal must keep. */
  readonly identity: string;
  readonly keyFits: boolean;
  /** Serial that a server shows now; undefined: it does not answer, was not asked, or none shows this one. */
  readonly shown: string | undefined;
  /** Whether it was asked, and nobody answered. */
  readonly silent: boolean;
  /** Whether the certificate in the file was seen in use just now. */
  readonly alive: boolean;
  readonly isServed: boolean;
}

export interface SeenRotation {
  readonly uid: string;
  readonly name: string;
  readonly node: string;
  readonly role: 'control-plane' | 'worker';
  readonly phase: string;
  readonly certificates: readonly { readonly id: string; readonly newSerial: string }[];
}

export interface Sighting {
  readonly files: readonly SeenFile[];
  readonly rotations: readonly SeenRotation[];
  /** Nodes of which somebody plays a fault just now. */
  readonly faulty: ReadonlySet<string>;
}

export type ViolationKind = 'TwoControlPlanes' | 'KeyMismatch' | 'IdentityChanged' | 'NotServed';

export interface Violation {
  readonly kind: ViolationKind;
  /** Says which; the same text is counted once. */
  readonly message: string;
}

export interface Verified {
  readonly node: string;
  readonly id: string;
  readonly serial: string;
}

/** What it remembers, by `node id`. */
export interface Memory {
  readonly first: ReadonlyMap<string, { readonly serial: string; readonly identity: string }>;
  /** Serials that were seen in use. */
  readonly verified: ReadonlySet<string>;
  /** How many looks in a row something has been wrong. */
  readonly wrong: ReadonlyMap<string, number>;
  readonly told: ReadonlySet<string>;
}

export const nothingSeen: Memory = {
  first: new Map(),
  verified: new Set(),
  wrong: new Map(),
  told: new Set(),
};

/** Two renames of a pair are a moment apart, and a server takes a moment to show what is new: a state that stays counts. */
const looksThatCount = 4;
/** Nobody is to be silent after his rotation; but on a busy machine an answer may come late. */
const silentLooksThatCount = 20;
const inFlight: ReadonlySet<string> = new Set(['Admitted', 'Running', 'Verifying']);

export function judge(
  memory: Memory,
  { files, rotations, faulty }: Sighting,
): {
  readonly memory: Memory;
  readonly verified: readonly Verified[];
  readonly violations: readonly Violation[];
} {
  const first = new Map(memory.first);
  for (const { node, id, serial, identity } of files) {
    const key = `${node} ${id}`;
    if (!first.has(key)) first.set(key, { serial, identity });
  }
  const verified = files.filter(
    ({ node, id, serial, alive }) =>
      alive &&
      first.get(`${node} ${id}`)?.serial !== serial &&
      !memory.verified.has(`${node} ${id} ${serial}`),
  );
  const busy = new Set([...faulty, ...rotations.filter(isInFlight).map(({ node }) => node)]);
  const lasting = [
    ...files.flatMap(mismatchOf),
    ...rotations.flatMap((each) => notServed(each, files)),
    ...rotations.filter(({ node }) => !busy.has(node)).flatMap((each) => silentOf(each, files)),
  ];
  const wrong = new Map(lasting.map(({ message }) => [message, (memory.wrong.get(message) ?? 0) + 1]));
  const found = [
    ...twoControlPlanes(rotations),
    ...files.flatMap((file) => changedOf(file, first.get(`${file.node} ${file.id}`)?.identity)),
    ...lasting.filter(({ message, looks }) => (wrong.get(message) ?? 0) >= looks).map(violationOf),
  ];
  const violations = found.filter(({ message }) => !memory.told.has(message));
  return {
    memory: {
      first,
      verified: new Set([
        ...memory.verified,
        ...verified.map(({ node, id, serial }) => `${node} ${id} ${serial}`),
      ]),
      wrong,
      told: new Set([...memory.told, ...violations.map(({ message }) => message)]),
    },
    verified,
    violations,
  };
}

/** Counts when it is seen so many times in a row. */
interface Lasting extends Violation {
  readonly looks: number;
}

const violationOf = ({ kind, message }: Lasting): Violation => ({ kind, message });
const isInFlight = ({ phase }: SeenRotation): boolean => inFlight.has(phase);

function twoControlPlanes(rotations: readonly SeenRotation[]): readonly Violation[] {
  const running = rotations.filter((each) => each.role === 'control-plane' && isInFlight(each));
  const nodes = [...new Set(running.map(({ node }) => node))].toSorted();
  if (nodes.length < 2) return [];
  return [{ kind: 'TwoControlPlanes', message: `${nodes.join(' and ')} are rotated at the same time` }];
}

function mismatchOf({ node, id, keyFits, serial }: SeenFile): readonly Lasting[] {
  if (keyFits) return [];
  const message = `${node}: key and certificate ${serial} of ${id} do not fit`;
  return [{ kind: 'KeyMismatch', message, looks: looksThatCount }];
}

function changedOf({ node, id, identity }: SeenFile, before: string | undefined): readonly Violation[] {
  if (before === undefined || before === identity) return [];
  return [{ kind: 'IdentityChanged', message: `${node}: ${id} was ${before} and is ${identity}` }];
}

/** Of a rotation that says Succeeded: what it has renewed and what lies there still, with the server that should show it. */
function succeededFiles(
  { node, phase, certificates }: SeenRotation,
  files: readonly SeenFile[],
): readonly SeenFile[] {
  if (phase !== 'Succeeded') return [];
  return files.filter(
    (file) =>
      file.node === node &&
      file.isServed &&
      certificates.some(({ id, newSerial }) => file.id === id && file.serial === newSerial),
  );
}

const succeeded = (name: string, node: string): string => `${name} has Succeeded, but ${node}`;

function notServed(rotation: SeenRotation, files: readonly SeenFile[]): readonly Lasting[] {
  return succeededFiles(rotation, files).flatMap(({ node, id, serial, shown }): readonly Lasting[] => {
    if (shown === undefined || shown === serial) return [];
    const message = `${succeeded(rotation.name, node)} shows ${shown} for ${id}, not ${serial}`;
    return [{ kind: 'NotServed', message, looks: looksThatCount }];
  });
}

function silentOf(rotation: SeenRotation, files: readonly SeenFile[]): readonly Lasting[] {
  return succeededFiles(rotation, files)
    .filter(({ silent }) => silent)
    .map(({ node, id, serial }) => ({
      kind: 'NotServed',
      message: `${succeeded(rotation.name, node)} does not answer for ${id}, where it should show ${serial}`,
      looks: silentLooksThatCount,
    }));
}
