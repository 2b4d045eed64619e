// As many pages as may be open at once: all follow the stream, hear of the same change, and ask for the same list.
import { Agent, get, type RequestOptions } from 'node:https';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { until } from './controller.ts';

export interface Listeners {
  readonly pages: number;
  /** Answers of the list of nodes that came whole. */
  readonly answers: number;
  /** From the change until the last of them had the list. */
  readonly seconds: number;
}

interface OpenPage {
  readonly agent: Agent;
  readonly stream: ClientRequest;
}

const pages = 1000;
/** The time itself makes what is shown new once a minute. Seconds. */
const longest = 150;

/**
 * Each has two connections, as a browser has: one that follows and one that asks. What they show when they open is not
 * asked for, so that all ask at once.
 * @param url of the dashboard, without a path
 */
export async function openListeners(url: string): Promise<Listeners> {
  const open: OpenPage[] = [];
  let [answers, ended, heardAt, lastAt] = [0, 0, 0, 0];
  let areAllOpen = false;
  const end = (isWhole: boolean): void => {
    answers += Number(isWhole);
    ended += 1;
    lastAt = performance.now();
  };
  const hear = (agent: Agent): boolean => {
    if (!areAllOpen) return false;
    heardAt ||= performance.now();
    void takeList(url, agent).then(end);
    return true;
  };
  const follow: Follower = { hear, lose: () => end(false) };
  try {
    for (let i = 0; i < pages; i += 50)
      open.push(...(await Promise.all(Array.from({ length: 50 }, async () => openPage(url, follow)))));
    areAllOpen = true;
    await until(async () => ended === pages, `${pages} pages have asked for the nodes`, longest);
    return { pages, answers, seconds: Math.round((lastAt - heardAt) / 100) / 10 };
  } finally {
    for (const { agent, stream } of open) {
      stream.destroy();
      agent.destroy();
    }
  }
}

interface Follower {
  /** Whether it was listened to. */
  readonly hear: (agent: Agent) => boolean;
  /** Cut off before that. */
  readonly lose: () => void;
}

/** Follows, and says what is new until it has been heard; not the version that every page is told when it comes. */
async function openPage(url: string, { hear, lose }: Follower): Promise<OpenPage> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const { request, answer } = await ask(`${url}/api/v1/stream`, agent);
  if (answer.statusCode !== 200) throw new Error(`the stream answers ${answer.statusCode}`);
  let isGreeted = false;
  let hasHeard = false;
  answer.setEncoding('utf8').on('data', (text: string) => {
    if (!text.includes('event: version')) return;
    hasHeard ||= isGreeted && hear(agent);
    isGreeted = true;
  });
  answer.on('close', () => hasHeard || lose());
  // It is cut off at the end.
  answer.on('error', () => undefined);
  return { agent, stream: request };
}

async function ask(url: string, agent: Agent): Promise<{ request: ClientRequest; answer: IncomingMessage }> {
  const options: RequestOptions = {
    agent,
    rejectUnauthorized: false,
    headers: { 'accept-encoding': 'gzip' },
  };
  return new Promise((resolve, reject) => {
    const request = get(url, options, (answer) => resolve({ request, answer }));
    request.on('error', reject);
  });
}

async function takeList(url: string, agent: Agent): Promise<boolean> {
  try {
    const { answer } = await ask(`${url}/api/v1/nodes`, agent);
    let bytes = 0;
    for await (const part of answer) if (Buffer.isBuffer(part)) bytes += part.length;
    return answer.statusCode === 200 && bytes === Number(answer.headers['content-length']);
  } catch {
    return false;
  }
}
