// A scenario file is an ES module wherever it lies: without this, a .ts file below no package.json with "type": "module"
// would be loaded as CommonJS, which cannot import famsim.
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context)
  const ts = found.url.startsWith('file:') && /\.ts($|\?)/.test(found.url)
  return ts && found.format === 'commonjs' ? { ...found, format: 'module' } : found
}
