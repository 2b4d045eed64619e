// What the observer makes of what it sees. Pure: one look after the other goes in, with what was seen before.
export interface SeenFile {
  readonly node: string;
  readonly id: string;
  readonly serial: string;
  /** Everything of a certificate that a renewal must keep. */
  readonly identity: string;
  readonly keyFits: boolean;
  /** Serial that a server shows now; undefined: it does not answer, or none shows this one. */
  readonly shown: string | undefined;
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
const inFlight: ReadonlySet<string> = new Set(['Admitted', 'Running', 'Verifying']);

export function judge(
  memory: Memory,
  { files, rotations }: Sighting,
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
  const lasting = [...files.flatMap(mismatchOf), ...rotations.flatMap((each) => notServed(each, files))];
  const wrong = new Map(lasting.map(({ message }) => [message, (memory.wrong.get(message) ?? 0) + 1]));
  const found = [
    ...twoControlPlanes(rotations),
    ...files.flatMap((file) => changedOf(file, first.get(`${file.node} ${file.id}`)?.identity)),
    ...lasting.filter(({ message }) => (wrong.get(message) ?? 0) >= looksThatCount),
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

function twoControlPlanes(rotations: readonly SeenRotation[]): readonly Violation[] {
  const running = rotations.filter(({ role, phase }) => role === 'control-plane' && inFlight.has(phase));
  const nodes = [...new Set(running.map(({ node }) => node))].toSorted();
  if (nodes.length < 2) return [];
  return [{ kind: 'TwoControlPlanes', message: `${nodes.join(' and ')} are rotated at the same time` }];
}

function mismatchOf({ node, id, keyFits, serial }: SeenFile): readonly Violation[] {
  if (keyFits) return [];
  return [{ kind: 'KeyMismatch', message: `${node}: key and certificate ${serial} of ${id} do not fit` }];
}

function changedOf({ node, id, identity }: SeenFile, before: string | undefined): readonly Violation[] {
  if (before === undefined || before === identity) return [];
  return [{ kind: 'IdentityChanged', message: `${node}: ${id} was ${before} and is ${identity}` }];
}

/** Of a rotation that says Succeeded, as long as its certificate is the one that lies there. */
function notServed(
  { name, node, phase, certificates }: SeenRotation,
  files: readonly SeenFile[],
): readonly Violation[] {
  if (phase !== 'Succeeded') return [];
  return certificates.flatMap(({ id, newSerial }): readonly Violation[] => {
    const file = files.find((each) => each.node === node && each.id === id);
    // A server that is away shows nothing: that is another's concern.
    if (file === undefined || file.serial !== newSerial || !file.isServed || file.shown === undefined)
      return [];
    if (file.shown === newSerial) return [];
    return [
      {
        kind: 'NotServed',
        message: `${name} has Succeeded, but ${node} shows ${file.shown} for ${id}, not ${newSerial}`,
      },
    ];
  });
}
