// Where the image of the controller and of the web program has what both must find.

/** `<architecture>/{cert-renew,renew-all.sh,SHA256SUMS}`, made by scripts/build-image.ts. */
export const downloadDirectory = '/opt/cluster-cert-rotator/download';
/** Beside the architectures: the version of them all. */
export const versionFile = 'VERSION';

/** The dashboard's page, as `vite build` leaves it. */
export const dashboardDirectory = '/opt/cluster-cert-rotator/dashboard';
