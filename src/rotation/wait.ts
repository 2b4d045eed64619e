// Looking again and again until a stage is proved or its component's time is up.
import type { JournalCertificate, JournalStage } from './journal.ts';
import { saveStage, timeoutOf, type Context } from './context.ts';
import { whatIsWrongHere } from './offline.ts';
import type { Patience } from './patience.ts';
import { look, type Look } from './prove.ts';
import { ticks, type Since } from './prove-process.ts';
import { watchQuorum } from './quorum.ts';
import { keepKubeletRotated } from './stage-check.ts';

export interface Proof {
  readonly proved: boolean;
  readonly certificates: readonly JournalCertificate[];
  /** What was missing in the last look. */
  readonly message: string;
  /** Of the new side: what is wrong as far as this node alone can tell. */
  readonly offline: string;
}

export interface Wanted {
  readonly side: 'new' | 'old';
  readonly since: Since | undefined;
}

/** Errors: Aborted. */
export async function waitForProof(
  context: Context,
  stage: JournalStage,
  { side, since }: Wanted,
  { timeoutMs = timeoutOf(context, stage.name), offlineIsEnough = false }: Patience,
): Promise<Proof> {
  const { node, journal, timeouts, signal } = context;
  const end = ticks(node) + timeoutMs;
  const whyInVain = watchQuorum(context, stage);
  for (;;) {
    const { certificates } = side === 'new' ? keepKubeletRotated(node, stage) : stage;
    const expected = { stage: stage.name, certificates, side, since, facts: journal.facts };
    const looks = await look(node, expected, signal);
    const seen = judge(certificates, looks, side);
    if (seen.proved) return { ...seen, offline: '' };
    const inVain = side === 'new' ? await whyInVain(seen.certificates) : '';
    const isOver = inVain !== '' || ticks(node) >= end;
    const offline = isOver || offlineIsEnough ? await whatIsWrongHere(node, expected, signal) : '';
    if (isOver || (offlineIsEnough && offline === '')) {
      if (side === 'new') saveStage(context, stage.name, { certificates: seen.certificates });
      return { ...seen, message: inVain || seen.message, offline };
    }
    await node.sleep(timeouts.poll, signal);
  }
}

function judge(
  certificates: readonly JournalCertificate[],
  looks: readonly Look[],
  side: 'new' | 'old',
): Omit<Proof, 'offline'> {
  const missing = looks.filter(({ proved }) => !proved);
  return {
    proved: missing.length === 0,
    certificates: certificates.map((certificate, index) => {
      const found = looks.find((each) => each.index === index);
      return side === 'new' && found?.proved === true ? { ...certificate, proof: found.text } : certificate;
    }),
    message: missing.map(({ index, text }) => `${certificates[index]?.id ?? 'file'}: ${text}`).join('; '),
  };
}
