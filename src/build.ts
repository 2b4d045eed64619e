// What the build says of a program of the product.

export interface Build {
  readonly version: string;
  /** Undefined: not built from a repository. */
  readonly commit?: string;
  /** Something differed from that commit. */
  readonly modified: boolean;
  /** RFC 3339; that of the commit, so that the same commit gives the same bytes. */
  readonly date?: string;
}

/** Put in by the build. */
declare const PRODUCT_BUILD: Build | undefined;

export const build: Build =
  typeof PRODUCT_BUILD === 'object' ? PRODUCT_BUILD : { version: 'development', modified: true };
