// The floors of the house, ground floor first. A room imports only from floors below it;
// what another room may use is what the room's index.ts exports.
const floors = [
  'native',
  'sim',
  'profile',
  'wire',
  'media',
  'devdax',
  'fabric',
  'kernel',
  'server',
  'faults',
  'world',
  'explore',
  'report',
  'conform',
  'vitest',
  'tui',
  'cli',
]
const above = floors
  .map((room, i) => ({
    name: `floor-${room}`,
    comment: `src/${room} imports only from floors below it`,
    severity: 'error',
    from: { path: `^src/${room}/` },
    to: { path: `^src/(${floors.slice(i + 1).join('|')})/` },
  }))
  .filter(r => !r.to.path.includes('()'))
const doors = floors.map(room => ({
  name: `door-${room}`,
  comment: `from outside, src/${room} is entered through its index.ts`,
  severity: 'error',
  from: { path: '^(src|scenarios)/', pathNot: `^src/${room}/` },
  to: { path: `^src/${room}/`, pathNot: `^src/${room}/index\\.ts$` },
}))
export default {
  forbidden: [
    ...above,
    ...doors,
    {
      name: 'no-native-in-core',
      comment: 'the core does no I/O',
      severity: 'error',
      from: { path: '^src/(sim|profile|wire|media|kernel|faults)/' },
      to: { path: '^src/native/' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: 'main\\.ts$' }, to: {} },
    {
      name: 'unknown-room',
      comment: 'a new room needs its floor in this file',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${floors.join('|')})/` },
      to: {},
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
}
