// Which machine this is: /etc/machine-id, made at installation. A journal of another machine is never resumed (R17).
import { CertError } from '../errors.ts';
import type { Files } from './files.ts';

/** Errors: NotFound when the machine has none (machine-id(5)). */
export function readMachineId(files: Files): string {
  for (const path of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    if (files.stat(path)?.kind !== 'file') continue;
    const text = Buffer.from(files.read(files.realpath(path), 256))
      .toString('utf8')
      .trim();
    if (/^[0-9a-f]{32}$/.test(text)) return text;
  }
  throw new CertError(
    'NotFound',
    '/etc/machine-id is missing or not 32 hex digits; run systemd-machine-id-setup',
    {
      file: '/etc/machine-id',
    },
  );
}
