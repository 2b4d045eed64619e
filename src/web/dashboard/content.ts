// The answers of the API as bytes, made at most once for each state of the cluster, whoever asks how often; of nodes
// as many as are looked at in one moment.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { printable } from '../../formats/text.ts';
import { authoritiesOf } from '../../view/authorities.ts';
import { failuresOf, historyOf } from '../../view/history.ts';
import { nodePageOf } from '../../view/node.ts';
import { nodeRows } from '../../view/nodes.ts';
import { seenOf, type Picture, type Seen } from '../../view/picture.ts';
import { planOf } from '../../view/plan.ts';
import { settingsOf } from '../../view/settings.ts';
import { summaryOf } from '../../view/summary.ts';
import { timelineOf } from '../../view/timeline.ts';

const compress = promisify(gzip);

export interface Answer {
  readonly etag: string;
  readonly type: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/** First of the plan, and of what went wrong lately, that the overview shows. */
const few = 6;

/** Answers of nodes that are kept. */
const keptNodes = 100;

export function overviewOf(seen: Seen) {
  return {
    summary: summaryOf(seen),
    timeline: timelineOf(seen),
    next: planOf(seen).slice(0, few),
    failures: failuresOf(seen, few),
  };
}

export type Overview = ReturnType<typeof overviewOf>;

const pages = {
  overview: overviewOf,
  nodes: (seen: Seen) => ({ nodes: nodeRows(seen) }),
  plan: (seen: Seen) => {
    const { mode, paused } = seen.picture.configuration.settings;
    return { mode, paused, plan: planOf(seen) };
  },
  history: historyOf,
  /** What stands over every page. */
  state: ({ picture }: Seen) => ({ paused: picture.configuration.settings.paused }),
  cas: (seen: Seen) => ({ cas: authoritiesOf(seen) }),
  settings: settingsOf,
} as const;
export type PageName = keyof typeof pages;

export const isPage = (name: string): name is PageName => Object.hasOwn(pages, name);

export class Content {
  readonly #read: () => Picture;
  #seen: Seen | undefined;
  #answers = new Map<PageName, Promise<Answer>>();
  #nodes = new Map<string, Promise<Answer>>();
  #version = 0;

  constructor(read: () => Picture) {
    this.#read = read;
  }

  get version(): number {
    return this.#version;
  }

  /** What was made is of the past. */
  renew(): void {
    this.#version += 1;
    this.#seen = undefined;
    this.#answers = new Map();
    this.#nodes = new Map();
  }

  /** The cluster as it was when this version began. */
  get seen(): Seen {
    this.#seen ??= seenOf(this.#read());
    return this.#seen;
  }

  async page(name: PageName): Promise<Answer> {
    const known = this.#answers.get(name);
    if (known !== undefined) return known;
    const made = answerOf(pages[name](this.seen));
    this.#answers.set(name, made);
    return made;
  }

  /** Undefined: no such node. */
  async node(name: string): Promise<Answer | undefined> {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const page = nodePageOf(this.seen, name);
    if (page === undefined) return undefined;
    const made = answerOf(page);
    this.#nodes.set(name, made);
    const [oldest] = this.#nodes.keys();
    if (this.#nodes.size > keptNodes && oldest !== undefined) this.#nodes.delete(oldest);
    return made;
  }
}

const printableText = (_: string, value: unknown): unknown =>
  typeof value === 'string' ? printable(value) : value;

/** JSON, with nothing in it that turns the direction of writing or steers a terminal: some of it was written by others. */
async function answerOf(value: object): Promise<Answer> {
  return asAnswer(Buffer.from(JSON.stringify(value, printableText)), 'application/json');
}

export async function asAnswer(plain: Buffer, type: string): Promise<Answer> {
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  return { etag, type, plain, gzip: await compress(plain) };
}
