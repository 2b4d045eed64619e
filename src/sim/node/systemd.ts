// PID 1 of a simulated node: keeps the kubelet running and is its container runtime. It ends, and the whole node with it,
// when whoever started the node has gone: its standard input is a pipe from there.
import * as fs from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { describeError } from '../../errors.ts';
import { runtimeSocket, systemdSocket, type ContainerOrder } from './protocol.ts';
import { Runtime } from './runtime.ts';
import { KubeletUnit } from './units.ts';

const runtime = new Runtime();
const kubelet = new KubeletUnit();

process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(0));

listen(
  createHttpServer((request, response) => void answer(request, response)),
  runtimeSocket,
);
listen(createServer(serveSystemctl), systemdSocket);
kubelet.start();

function listen(server: { listen(path: string): unknown }, path: string): void {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.rmSync(path, { force: true });
  server.listen(path);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const value = await route(request, new URL(request.url ?? '/', 'http://node'));
    response.setHeader('content-type', 'application/json').end(JSON.stringify(value ?? {}));
  } catch (error) {
    response.writeHead(500).end(JSON.stringify({ message: describeError(error) }));
  }
}

async function route(request: IncomingMessage, url: URL): Promise<unknown> {
  const [, , id = ''] = url.pathname.split('/');
  const call = `${request.method ?? ''} ${id === '' ? url.pathname : '/containers/*'}`;
  if (call === 'GET /containers') return runtime.next(Number(url.searchParams.get('after') ?? 0));
  if (call === 'POST /containers') return runtime.start(await bodyOf(request));
  if (call === 'DELETE /containers/*') return runtime.remove(id);
  if (call === 'POST /containers/*')
    return runtime.kill(id, url.searchParams.get('signal') === 'SIGKILL' ? 'SIGKILL' : 'SIGTERM');
  throw new Error(`no such call: ${call}`);
}

async function bodyOf(request: IncomingMessage): Promise<ContainerOrder> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  const order: ContainerOrder = JSON.parse(text);
  return order;
}

/** One line in, `verb unit`; one line out, empty when it was done. */
function serveSystemctl(socket: Socket): void {
  socket.on('error', () => socket.destroy());
  socket.setEncoding('utf8').once('data', (line: string) => {
    void control(line.trim()).then(
      () => socket.end('\n'),
      (error: unknown) => socket.end(`${describeError(error)}\n`),
    );
  });
}

async function control(line: string): Promise<void> {
  const [verb = '', unit = ''] = line.split(' ');
  if (verb === 'reset-failed') return;
  if (unit !== 'kubelet' && unit !== 'kubelet.service') throw new Error(`Unit ${unit} not found.`);
  if (verb === 'restart') await kubelet.restart();
  else if (verb === 'start') kubelet.start();
  else if (verb === 'stop') await kubelet.stop();
  else throw new Error(`Unknown command verb ${verb}.`);
}
