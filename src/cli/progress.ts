// How far a rotation is, for whoever waits for it: a plain line a step, and on a terminal a line that lives meanwhile.
import type { Journal, JournalStage } from '../rotation/journal.ts';

interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface Progress {
  readonly told: (journal: Journal) => void;
  /** Takes the living line away. May be called again. */
  readonly end: () => void;
}

const clear = '\r\u001B[K';

export function showProgress(screen: Screen): Progress {
  const last = new Map<string, string>();
  let waiting: { readonly text: string; readonly since: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const draw = (): void => {
    if (timer === undefined || waiting === undefined) return;
    screen.write(`${clear}${waiting.text} ${Math.round((Date.now() - waiting.since) / 1000)} s`);
  };
  if (screen.isTTY === true) timer = setInterval(draw, 1000).unref();
  const say = (text: string): void => {
    screen.write(`${timer === undefined ? '' : clear}${text}\n`);
    draw();
  };
  return {
    told: ({ stages }) => {
      for (const stage of stages) {
        if (last.get(stage.name) === stage.state) continue;
        const isKnown = last.has(stage.name);
        last.set(stage.name, stage.state);
        const text = isKnown || stage.state !== 'pending' ? lineOf(stage) : '';
        const waits = stage.state === 'swapped' || stage.state === 'restored';
        waiting = waits ? { text: `${stage.name}: waiting for it …`, since: Date.now() } : undefined;
        if (text !== '') say(text);
      }
    },
    end: () => {
      if (timer === undefined) return;
      clearInterval(timer);
      if (waiting !== undefined) screen.write(clear);
      waiting = undefined;
    },
  };
}

const lines: Readonly<Record<JournalStage['state'], (stage: JournalStage) => string>> = {
  pending: () => '',
  swapping: ({ files }) => `old files are kept, ${files.length} are replaced`,
  swapped: () => 'the new files are in place; restarting and proving',
  proved: ({ certificates }) => `proved (${certificates.map(({ id }) => id ?? 'file').join(', ')})`,
  unproved: ({ offline, failure }) => `not proved yet: ${offline || failure || ''}`,
  restoring: ({ failure }) => `FAILED, the old files are put back: ${failure ?? ''}`,
  restored: () => 'the old files are back; proving that they serve',
  'rolled-back': () => 'the old state is back',
  kept: ({ failure }) => `NOT PROVED, the new files stay: ${failure ?? ''}`,
  failed: ({ failure }) => `FAILED: ${failure ?? ''}`,
  'not-begun': ({ failure }) => `not begun${failure === undefined ? '' : `: ${failure}`}`,
};

function lineOf(stage: JournalStage): string {
  const text = lines[stage.state](stage);
  return text === '' ? '' : `${stage.name}: ${text}`;
}
