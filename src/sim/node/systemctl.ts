// `systemctl` of a simulated node: asks PID 1, as the real one does.
import { describeError } from '../../errors.ts';
import { systemctl } from './systemctl-client.ts';

try {
  await systemctl(process.argv.slice(2).filter((word) => !word.startsWith('-')));
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`);
  process.exitCode = 1;
}
