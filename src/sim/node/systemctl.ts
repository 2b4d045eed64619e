// `systemctl` of a simulated node: asks PID 1, as the real one does.
import { connect } from 'node:net';
import { systemdSocket } from './protocol.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const socket = connect(systemdSocket);
let said = '';
socket.setEncoding('utf8').on('data', (text: string) => (said += text));
socket.once('connect', () => socket.write(`${words.join(' ')}\n`));
socket.once('error', (error) => {
  process.stderr.write(`Failed to connect to bus: ${error.message}\n`);
  process.exitCode = 1;
});
socket.once('end', () => {
  if (said.trim() === '') return;
  process.stderr.write(said);
  process.exitCode = 1;
});
