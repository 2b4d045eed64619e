// The container runtime as the kubelet calls it.
import { request } from 'node:http';
import { runtimeSocket, type ContainerList, type ContainerOrder } from '../protocol.ts';

export class RuntimeClient {
  readonly #socket: string;

  constructor(socket: string = runtimeSocket) {
    this.#socket = socket;
  }

  async start(order: ContainerOrder): Promise<void> {
    await call(this.#socket, 'POST', '/containers', order);
  }

  /** The containers of the node, as soon as something has changed since `revision`. */
  async list(revision = 0): Promise<ContainerList> {
    return JSON.parse(await call(this.#socket, 'GET', `/containers?after=${revision}`));
  }

  async kill(id: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await call(this.#socket, 'POST', `/containers/${id}?signal=${signal}`);
  }

  async remove(id: string): Promise<void> {
    await call(this.#socket, 'DELETE', `/containers/${id}`);
  }
}

async function call(socketPath: string, method: string, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${path}: ${text}`));
      });
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
