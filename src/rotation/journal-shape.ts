// What must stand in a journal before anything is done by it. Loose where a later program of the same version may add.
// Its parts are functions: most calls of cert-renew find no journal, and each would pay for the making of this.
import * as v from 'valibot';
import { certificateIds } from '../catalogue/ids.ts';
import type { Journal } from './journal.ts';
import { stageNames } from './stages.ts';

const text = v.string();
const maybe = v.optional(text);
const number = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const path = v.pipe(text, v.startsWith('/'));
const id = v.pipe(text, v.regex(/^[\w.-]+$/u));
const sha256 = v.pipe(text, v.regex(/^[0-9a-f]{64}$/u));

const file = () =>
  v.looseObject({
    kind: v.picklist(['replace', 'kubelet-link']),
    role: v.picklist(['key', 'certificate', 'combined', 'kubeconfig', 'manifest']),
    path,
    preparedPath: path,
    backupPath: path,
    oldSha256: sha256,
    newSha256: sha256,
    mode: number,
    uid: number,
    gid: number,
    link: v.optional(v.looseObject({ old: text, new: text, newPath: path })),
  });

const certificate = () =>
  v.looseObject({
    id: v.optional(v.picklist(certificateIds)),
    location: v.variant('form', [
      v.looseObject({ form: v.literal('pair'), certPath: path, keyPath: path }),
      v.looseObject({ form: v.literal('combined'), path }),
      v.looseObject({ form: v.literal('kubeconfig'), path, user: text }),
    ]),
    oldSerial: text,
    newSerial: text,
    oldNotAfter: text,
    newNotAfter: text,
    proof: maybe,
  });

const bootMoment = () => v.optional(v.looseObject({ bootId: text, milliseconds: v.number() }));

const plainStage = () =>
  v.looseObject({
    name: v.picklist(stageNames),
    state: v.picklist([
      'pending',
      'swapping',
      'swapped',
      'proved',
      'restoring',
      'restored',
      'rolled-back',
      'kept',
      'unproved',
      'failed',
      'not-begun',
    ]),
    files: v.array(file()),
    certificates: v.array(certificate()),
    resumes: number,
    swappedAt: maybe,
    restoredAt: maybe,
    swappedMoment: bootMoment(),
    restoredMoment: bootMoment(),
    offline: maybe,
    failure: maybe,
  });
const stage = () => {
  const plain = plainStage();
  return v.looseObject({ ...plain.entries, waiting: v.optional(plain) });
};

const step = () =>
  v.looseObject({
    name: text,
    startedAt: text,
    finishedAt: text,
    result: v.picklist(['done', 'skipped', 'failed', 'rolled-back']),
    message: maybe,
  });

const journalShape = () =>
  v.looseObject({
    schema: v.literal(1),
    id,
    machineId: text,
    nodeUID: maybe,
    rotationUID: maybe,
    origin: v.picklist(['agent', 'cli']),
    createdAt: text,
    state: v.picklist(['prepared', 'applying', 'done']),
    supersedes: v.optional(id),
    kubeletRestart: v.picklist(['always', 'auto']),
    facts: v.looseObject({ manifests: v.record(text, path), caPaths: v.optional(v.record(text, path)) }),
    stages: v.array(stage()),
    steps: v.array(step()),
    notes: v.array(text),
    outcome: v.optional(
      v.looseObject({
        schema: v.literal(1),
        outcome: v.picklist(['succeeded', 'rolled-back', 'needs-manual', 'refused', 'nothing-to-do']),
        reason: text,
        message: text,
        steps: v.array(step()),
        certificates: v.array(v.looseObject({ id: v.picklist(certificateIds) })),
      }),
    ),
  });

let shape: ReturnType<typeof journalShape> | undefined;

/** Boot acts by it as root: a file that only looks like one must not get as far as a rename. */
export const isJournal = (value: unknown): value is Journal => v.is((shape ??= journalShape()), value);
