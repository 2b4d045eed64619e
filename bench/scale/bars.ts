// What must hold at the largest size, and how what grows may grow. Pure.
import type { Measured } from './measure.ts';

export interface Bar {
  readonly name: string;
  readonly unit: string;
  readonly limit: number;
  /** Whether the figure must not be below the limit, in place of above it. */
  readonly least?: true;
  /** Must not grow faster than the nodes do. */
  readonly linear?: true;
  readonly of: (measured: Measured) => number;
  /** What the table shows below it, without a bar: a figure that this one hides. */
  readonly beside?: { readonly name: string; readonly of: (measured: Measured) => number };
}

export const bars: readonly Bar[] = [
  {
    name: 'memory of the controller, the most it held',
    unit: 'MiB',
    limit: 256,
    linear: true,
    of: ({ memory }) => Math.max(memory.most, memory.mostAfterRestart),
  },
  {
    name: 'writes over a day',
    unit: 'a second',
    limit: 5,
    linear: true,
    of: ({ steady }) => steady.writesPerSecondOverDay,
  },
  {
    name: 'writes in the first collection, busiest minute',
    unit: 'a second',
    limit: 25,
    of: ({ collection }) =>
      Math.max(
        collection.writesPerSecondInBusiestMinute,
        collection.seconds < 60 ? 0 : collection.writesPerSecond,
      ),
    beside: {
      name: 'writes in the first collection, mean over the collection itself',
      of: ({ collection }) => collection.writesPerSecond,
    },
  },
  {
    name: 'first collection',
    unit: 'minutes',
    limit: 15,
    linear: true,
    of: ({ collection }) => collection.seconds / 60,
  },
  {
    name: 'scans at once',
    unit: 'nodes',
    limit: 40,
    least: true,
    of: ({ collection }) => collection.mostScansAtOnce,
  },
  {
    name: 'decision, a Node has changed',
    unit: 'ms',
    limit: 50,
    linear: true,
    of: ({ decision }) => decision.usual.median,
  },
  {
    name: 'decision, nothing has changed',
    unit: 'ms',
    limit: 10,
    linear: true,
    of: ({ decision }) => decision.atRest.median,
  },
  { name: 'scrape', unit: 'ms', limit: 1000, linear: true, of: ({ scrape }) => scrape.median },
  {
    name: 'first paint of the dashboard',
    unit: 'ms',
    limit: 1000,
    linear: true,
    of: ({ page }) => page.firstPaint,
  },
  {
    name: 'memory of the web program, a thousand pages open',
    unit: 'MiB',
    limit: 448,
    linear: true,
    of: ({ page }) => page.memoryWithListeners,
  },
  {
    name: 'pages without a whole answer, of a thousand',
    unit: 'pages',
    limit: 0,
    of: ({ page: { listeners } }) => listeners.pages - listeners.answers,
  },
  { name: 'restart of the leader', unit: 'seconds', limit: 30, linear: true, of: ({ restart }) => restart },
];

export interface Judged {
  readonly bar: string;
  readonly value: number;
  readonly limit: string;
  readonly holds: boolean;
}

/** So much more than in proportion is the noise of one measurement. */
const noise = 1.25;

/** Every bar at every size, and the growth from each size to the next. */
export function judge(sizes: readonly Measured[]): readonly Judged[] {
  return bars.flatMap((bar) => [
    ...sizes.map((size) => judgeOne(bar, size)),
    ...sizes.slice(1).flatMap((size, i) => judgeGrowth(bar, sizes[i], size)),
  ]);
}

function judgeOne({ name, unit, limit, least, of }: Bar, size: Measured): Judged {
  const value = of(size);
  // A smaller cluster cannot have more scans at once than nodes.
  const holds = least ? value >= Math.min(limit, size.nodes) : value <= limit;
  return {
    bar: `${size.nodes} nodes: ${name}`,
    value,
    limit: `${least ? '≥' : '≤'} ${limit} ${unit}`,
    holds,
  };
}

function judgeGrowth({ name, linear, of }: Bar, smaller: Measured | undefined, larger: Measured): Judged[] {
  if (linear === undefined || smaller === undefined) return [];
  const nodes = larger.nodes / smaller.nodes;
  const value = Math.round((of(larger) / of(smaller)) * 10) / 10;
  const bar = `from ${smaller.nodes} to ${larger.nodes} nodes: growth of ${name}`;
  return [{ bar, value, limit: `≤ ${nodes} times`, holds: value <= nodes * noise }];
}
