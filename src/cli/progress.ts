// How far a rotation is, for whoever waits for it: a plain line a step, and on a terminal a line that lives meanwhile.
import type { Journal, JournalStage } from '../rotation/journal.ts';

interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Progress {
  readonly told: (journal: Pick<Journal, 'stages'>) => void;
  /** Takes the living line away. May be called again. */
  readonly end: () => void;
}

const clear = '\r\u001B[K';

export function showProgress(screen: Screen): Progress {
  const live = screen.isTTY === true ? liveLine(screen) : undefined;
  const last = new Map<string, string>();
  return {
    told: ({ stages }) => {
      const isFirst = last.size === 0;
      for (const stage of stages) {
        if (last.get(stage.name) === `${stage.state} ${stage.failure ?? ''}`) continue;
        last.set(stage.name, `${stage.state} ${stage.failure ?? ''}`);
        // As it was found: whoever brought it there has told it.
        if (isFirst) continue;
        const text = lines[stage.state](stage);
        if (text !== '') screen.write(`${live === undefined ? '' : clear}${stage.name}: ${text}\n`);
      }
      live?.show(waitingFor(stages));
    },
    end: () => live?.end(),
  };
}

/** Drawn again every second, so that a person sees that it lives. */
function liveLine(screen: Screen): { show: (text: string | undefined) => void; end: () => void } {
  let shown: { readonly text: string; readonly since: number } | undefined;
  const draw = (): void => {
    if (shown !== undefined)
      screen.write(`${clear}${shown.text} … ${Math.round((Date.now() - shown.since) / 1000)} s`);
  };
  const timer = setInterval(draw, 1000).unref();
  const show = (text: string | undefined): void => {
    if (shown?.text !== text) shown = text === undefined ? undefined : { text, since: Date.now() };
    draw();
  };
  const end = (): void => {
    clearInterval(timer);
    if (shown !== undefined) screen.write(clear);
    shown = undefined;
  };
  return { show, end };
}

/** What time passes with now. */
function waitingFor(stages: readonly JournalStage[]): string | undefined {
  const moving = stages.find(({ state }) => state === 'swapped' || state === 'restored');
  if (moving !== undefined) return `${moving.name}: waiting for the proof`;
  const isBegun = stages.every(({ state }) => state !== 'pending' && state !== 'swapping');
  const unproved = stages.find(({ state }) => state === 'unproved');
  return isBegun && unproved !== undefined ? 'waiting for what was started anew' : undefined;
}

const lines: Readonly<Record<JournalStage['state'], (stage: JournalStage) => string>> = {
  pending: () => '',
  swapping: ({ files }) => `${files.length} files are replaced, the old ones are kept`,
  swapped: () => 'the new files are in place',
  proved: ({ certificates }) => `proved (${certificates.map(({ id }) => id ?? 'file').join(', ')})`,
  unproved: ({ offline, failure = '' }) =>
    failure === '' ? '' : `not proved yet: ${offline === '' ? failure : (offline ?? failure)}`,
  restoring: ({ failure = '' }) => `FAILED, the old files are put back: ${failure}`,
  restored: () => 'the old files are back; proving that they serve',
  'rolled-back': () => 'the old state is back',
  kept: ({ failure = '' }) => `NOT PROVED, the new files stay: ${failure}`,
  failed: ({ failure = '' }) => `FAILED: ${failure}`,
  'not-begun': ({ failure = '' }) => (failure === '' ? 'not begun' : `not begun: ${failure}`),
};
