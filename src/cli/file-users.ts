// Who reads a file whose name does not say it: asked of the node's own manifests and kubelet configuration.
import { certificateFile } from '../catalogue/discover.ts';
import type { Component } from '../catalogue/ids.ts';
import { table } from '../catalogue/table.ts';
import { CertError } from '../errors.ts';
import { discoverNode } from '../host/discovery.ts';
import type { Files } from '../host/files.ts';
import { isKnownByName } from './restart-advice.ts';

/** By path as it was named. Empty where nothing is known: it is advice, and no reason to fail. */
export function usersOf(files: Files, paths: readonly string[]): ReadonlyMap<string, Component> {
  const odd = paths.filter((path) => !isKnownByName(path));
  if (odd.length === 0) return new Map();
  try {
    const users = discoverNode(files).targets.flatMap(({ id, location }): [string, Component][] => {
      const component = table.find((entry) => entry.id === id)?.component;
      const file = realOf(files, certificateFile(location));
      return component === undefined || file === undefined ? [] : [[file, component]];
    });
    const byFile = new Map(users);
    return new Map(
      odd.flatMap((path): [string, Component][] => {
        const user = byFile.get(realOf(files, path) ?? path);
        return user === undefined ? [] : [[path, user]];
      }),
    );
  } catch (error) {
    if (error instanceof CertError) return new Map();
    throw error;
  }
}

const realOf = (files: Files, path: string): string | undefined =>
  files.stat(path) === undefined ? undefined : files.realpath(path);
