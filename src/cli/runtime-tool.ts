// By which tool a container can be stopped on this node: advice names what is there.
import process from 'node:process';
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { RuntimeTool } from './restart-advice.ts';

const usual = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** Containers that the kubelet has containerd run. Docker brings `ctr` as well, and has its own elsewhere. */
const tasks = '/run/containerd/io.containerd.runtime.v2.task/k8s.io';

/** @param path the PATH of whoever will paste it */
export function runtimeToolOf(files: Files, path: string = process.env['PATH'] ?? ''): RuntimeTool {
  const directories = [...path.split(':').filter((each) => posix.isAbsolute(each)), ...usual];
  const has = (name: string): boolean =>
    directories.some((directory) => kindAt(files, posix.join(directory, name)) === 'file');
  if (has('crictl')) return 'crictl';
  return kindAt(files, tasks) === 'directory' && has('ctr') ? 'ctr' : 'none';
}

/** It is advice, and no reason to fail. */
function kindAt(files: Files, path: string): string | undefined {
  try {
    return files.stat(path)?.kind;
  } catch (error) {
    if (error instanceof CertError) return undefined;
    throw error;
  }
}
