// The host's systemd: whether there is one, and restarting a unit.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CertError, describeError } from '../errors.ts';
import type { Files } from './files.ts';
import { libc } from './libc.ts';

const unitDirectories = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

/**
 * The directory is systemd's own sign (sd_booted(3)). In a Pod it is not seen: then PID 1 says it where it can be read, and
 * else a unit of the kubelet is the sign, though one may have been left behind.
 */
export function hasSystemd(files: Files): boolean {
  if (files.stat('/run/systemd/system')?.kind === 'directory') return true;
  if (files.stat('/proc/1/comm')?.kind === 'file')
    return Buffer.from(files.read('/proc/1/comm', 64)).toString('utf8').trim() === 'systemd';
  return unitDirectories.some((each) => files.stat(`${each}/kubelet.service`) !== undefined);
}

/**
 * `systemctl restart` of a unit, one retry: a unit that hit its start limit takes the second after reset-failed.
 *
 * @throws CertError RestartFailed with what systemctl said
 */
export async function restartUnit(unit: string, signal: AbortSignal): Promise<void> {
  try {
    await systemctl(['restart', unit], signal);
  } catch {
    // A start limit is the usual cause; if it was another, the second try tells.
    await systemctl(['reset-failed', unit], signal);
    await systemctl(['restart', unit], signal);
  }
}

async function systemctl(args: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await promisify(execFile)('systemctl', [...args], { signal, timeout: 120_000 });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new CertError(
      'RestartFailed',
      `systemctl ${args.join(' ')} failed: ${said || describeError(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Makes a directory the root of this process for good: what runs then is the host's own systemctl. Errors: Io. */
export function enterRoot(root: string): void {
  const library = libc();
  if (library === undefined) throw new CertError('Io', 'chroot(2) is there in the executable only');
  const errno = library.chroot(root);
  if (errno !== 0) throw new CertError('Io', `chroot to ${root} failed (errno ${errno})`);
  process.chdir('/');
}
