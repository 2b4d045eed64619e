// Requests as they are, to the letter: no client that tidies a path or a header.
import { once } from 'node:events';
import { request, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked extends RequestOptions {
  readonly body?: string;
}

export async function ask(port: number, path: string, { body, ...options }: Asked = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false, ...options },
      (answer) => {
        const said = listen(answer);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: said() }),
        );
        answer.on('error', reject);
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

/** Result: what it has said so far. */
function listen(answer: IncomingMessage): () => string {
  let text = '';
  answer.setEncoding('utf8');
  answer.on('data', (part: string) => {
    text += part;
  });
  return () => text;
}

/** What a client is told that sends head and body, part by part, and looks for the answer only then. */
export async function askLate(
  socket: Socket,
  head: string,
  parts: Iterable<string | Buffer>,
): Promise<string> {
  let answer = '';
  const ended = new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('data', (part) => (answer += part.toString('utf8')));
    socket.on('end', resolve);
  });
  socket.pause();
  socket.write(head);
  for (const part of parts) if (!socket.write(part)) await Promise.race([once(socket, 'drain'), ended]);
  socket.resume();
  await ended;
  return answer;
}

/** An open stream: its answer, and what it has said so far. */
export async function follow(
  port: number,
): Promise<{ answer: IncomingMessage; said: () => string; close: () => void }> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port, path: '/api/v1/stream', rejectUnauthorized: false, agent: false },
      (answer) => {
        const said = listen(answer);
        answer.on('error', () => undefined);
        resolve({ answer, said, close: () => call.destroy() });
      },
    );
    call.on('error', reject);
    call.end();
  });
}

/** Waits for something that comes by itself. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  most = 10_000,
): Promise<void> {
  const deadline = performance.now() + most;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
