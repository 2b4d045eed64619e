// A rotation's result in one termination message: what is most needed stays whole, words give way (R7).
import { encodeMessage } from './message.ts';
import type { RotateResult } from './protocol.ts';
import { terminationMessageLimit } from './protocol.ts';

/** No text may be longer than the controller takes (message-shapes.ts): it would refuse the whole result. */
const textLimit = 4000;

function withinLimits(result: RotateResult): RotateResult {
  return {
    ...result,
    message: cut(result.message, textLimit),
    steps: result.steps.slice(-200).map(shortStep(textLimit)),
    certificates: result.certificates.map(({ proof, ...rest }) =>
      proof === undefined ? rest : { ...rest, proof: cut(proof, textLimit) },
    ),
  };
}

/** Less and less prose; outcome, reason and every certificate with its serials are in each. */
const shortenings: readonly ((result: RotateResult) => RotateResult)[] = [
  (result) => result,
  (result) => ({ ...result, message: cut(result.message, 1500), steps: result.steps.map(shortStep(200)) }),
  (result) => ({ ...result, message: cut(result.message, 700), steps: result.steps.map(shortStep(40)) }),
  (result) => ({
    ...result,
    message: cut(result.message, 500),
    steps: result.steps.filter(isTelling).map(shortStep(40)),
  }),
  (result) => ({ ...result, message: cut(result.message, 300), steps: [] }),
  (result) => ({
    ...result,
    message: cut(result.message, 300),
    steps: [],
    certificates: result.certificates.map(({ proof, ...rest }) =>
      proof === undefined ? rest : { ...rest, proof: cut(proof, 60) },
    ),
  }),
];

export function fittingMessage(said: RotateResult): string {
  const result = withinLimits(said);
  for (const shorten of shortenings) {
    const message = encodeMessage(shorten(result));
    if (/^ccr1 \d/u.test(message) && message.length <= terminationMessageLimit) return message;
  }
  return encodeMessage(result);
}

type Step = RotateResult['steps'][number];

const shortStep =
  (most: number) =>
  ({ message, ...step }: Step): Step =>
    message === undefined ? step : { ...step, message: cut(message, most) };

const isTelling = ({ result }: Step): boolean => result !== 'done' && result !== 'skipped';

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
