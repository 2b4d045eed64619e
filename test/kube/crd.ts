// The CertificateRotation's definition as the chart installs it, for tests on a bare API server.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { KubeClient, Named } from '../../src/kube/client.ts';
import { resources, type Resource } from '../../src/kube/resources.ts';
import { CertError } from '../../src/errors.ts';

const chart = fileURLToPath(new URL('../../deploy/chart', import.meta.url));

const definitions: Resource<Named> = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

/** Installs the chart's definition and waits until CertificateRotations are served. */
export async function installCrd(client: KubeClient): Promise<void> {
  await client.create(definitions, readDefinition());
  for (let tries = 0; tries < 300; tries += 1) {
    if (await isServed(client)) return;
    await wait(100);
  }
  throw new Error('CertificateRotations are not served');
}

async function isServed(client: KubeClient): Promise<boolean> {
  try {
    await client.list(resources.certificateRotations);
    return true;
  } catch (error) {
    if (error instanceof CertError) return false;
    throw error;
  }
}

/** The chart's template, with the few values that it takes from files/product.json put in. */
export function readDefinition(): Named {
  const product: Record<string, readonly string[]> = JSON.parse(
    readFileSync(join(chart, 'files/product.json'), 'utf8'),
  );
  const text = readFileSync(join(chart, 'templates/crd.yaml'), 'utf8')
    .replaceAll(/\{\{ toJson \$product\.(\w+) \}\}/g, (_, name: string) => JSON.stringify(product[name]))
    .replaceAll(/\{\{ len \$product\.(\w+) \}\}/g, (_, name: string) => String(product[name]?.length))
    .replaceAll(/^ *labels:\n *\{\{- include .*\n/gm, '')
    .replaceAll(/^\{\{-? \$product := .*\n/gm, '');
  const rest = /\{\{.*/.exec(text)?.[0];
  if (rest !== undefined) throw new Error(`templates/crd.yaml has a value that is not known here: ${rest}`);
  const definition: Named = parse(text);
  return definition;
}
