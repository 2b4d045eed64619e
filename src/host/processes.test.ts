import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeProcesses, startOf } from './processes.ts';

const now = new Date('2030-03-01T12:00:00.000Z');

/** A line of /proc/<pid>/stat: field 22 is when it started, in hundredths of a second after the boot. */
const stat = (name: string, startTicks: number): string =>
  `42 (${name}) S ${Array.from({ length: 18 }, (_, index) => index + 4).join(' ')} ${startTicks} 0 0\n`;

describe('the start of a process', () => {
  it.each([
    ['kubelet', 0, '2030-03-01T11:00:00.000Z'],
    ['kubelet', 360_000, '2030-03-01T12:00:00.000Z'],
    ['kubelet', 359_901, '2030-03-01T11:59:59.010Z'],
    ['a ) S 1 (b', 100, '2030-03-01T11:00:01.000Z'],
    ['))))', 100, '2030-03-01T11:00:01.000Z'],
    ['', 100, '2030-03-01T11:00:01.000Z'],
  ])('named %j, %i ticks after the boot, an hour ago', (name, ticks, start) => {
    expect(startOf(stat(name, ticks), 3600, now).toISOString()).toBe(start);
  });
});

describe('the processes of a node', () => {
  const directory = mkdtempSync(join(tmpdir(), 'proc-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const make = (pid: string, commandLine: string): void => {
    mkdirSync(join(directory, pid, 'root/etc'), { recursive: true });
    writeFileSync(join(directory, pid, 'cmdline'), commandLine);
    writeFileSync(join(directory, pid, 'stat'), stat('x', 100));
  };
  writeFileSync(join(directory, 'uptime'), '3600.00 7000.00\n');
  make('10', '/usr/bin/kubelet\0--config=/c\0');
  make('11', 'kubelet\0');
  make('12', '/usr/bin/kubelet-wrapper\0');
  make('13', '/usr/bin/python3\0kubelet\0');
  make('14', ''); // of the kernel
  mkdirSync(join(directory, '15')); // it ends while we look at it
  mkdirSync(join(directory, 'self'));
  writeFileSync(join(directory, '10/root/etc/file'), 'as it sees it');
  symlinkSync('/etc/file', join(directory, '10/root/link'));
  const processes = nodeProcesses(directory, () => now);

  it('are found by the name of their program', () => {
    expect(processes.find('kubelet').map(({ pid }) => pid)).toEqual([10, 11]);
    expect(processes.find('kubelet')[0]).toEqual({
      pid: 10,
      commandLine: ['/usr/bin/kubelet', '--config=/c'],
      startedAt: new Date('2030-03-01T11:00:01.000Z'),
    });
    expect(processes.find('etcd')).toEqual([]);
  });

  it.each([['/etc/file'], ['/link']])('see %s inside of their own root', (path) => {
    expect(Buffer.from(processes.readFile(10, path)).toString()).toBe('as it sees it');
  });

  it('that lack a file say so', () => {
    expect(() => processes.readFile(10, '/gone')).toThrow(expect.objectContaining({ code: 'NotFound' }));
  });
});
