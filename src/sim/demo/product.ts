// The product as its chart installs it, with another configuration. Pure.
import { parse, stringify } from 'yaml';
import type { Seed } from '../cluster/seeds.ts';

export interface Product {
  readonly objects: readonly Seed[];
  readonly images: { readonly agent: string; readonly controller: string };
}

/** @param chart JSON of what the chart renders (scripts/render-chart.ts) @param configuration laid over what it says */
export function productObjects(chart: string, configuration: object): Product {
  const rendered: (Seed & { data?: Record<string, string>; spec?: Template })[] = JSON.parse(chart);
  // The web program is run beside the cluster (dashboard.ts).
  const kept = rendered.filter(({ kind, metadata }) => kind !== 'Deployment' || metadata.name !== webName);
  const objects = kept.map((object) => {
    const text = object.data?.[configurationKey];
    if (object.kind !== 'ConfigMap' || text === undefined) return object;
    const merged: unknown = { ...parse(text), ...configuration };
    return { ...object, data: { ...object.data, [configurationKey]: stringify(merged) } };
  });
  const agent = rendered
    .map(({ data }) => data?.[configurationKey])
    .flatMap((text) => (text === undefined ? [] : [imagesIn(text)]))[0];
  const controller = kept.find(({ kind }) => kind === 'Deployment')?.spec?.template.spec.containers[0]?.image;
  if (agent === undefined || controller === undefined) throw new Error('the rendered chart names no images');
  return { objects, images: { agent, controller } };
}

interface Template {
  readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
}

const configurationKey = 'config.yaml';
export const webName = 'cluster-cert-rotator-web';

function imagesIn(text: string): string {
  const { images }: { images: { agent: string } } = parse(text);
  return images.agent;
}
