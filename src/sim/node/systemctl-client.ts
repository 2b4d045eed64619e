// What `systemctl` says to PID 1 of a simulated node.
import { connect } from 'node:net';
import { systemdSocket } from './protocol.ts';

/** @throws Error with what PID 1 says, or that it cannot be reached */
export async function systemctl(words: readonly string[], socketPath = systemdSocket): Promise<void> {
  const said = await new Promise<string>((resolve, reject) => {
    const socket = connect(socketPath);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.once('connect', () => socket.write(`${words.join(' ')}\n`));
    socket.once('error', (error) => reject(new Error(`Failed to connect to bus: ${error.message}`)));
    socket.once('end', () => resolve(text.trim()));
  });
  if (said !== '') throw new Error(said);
}
