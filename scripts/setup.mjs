// All set-up a fresh clone needs, and nothing when it is done already: installs the locked packages when
// node_modules is missing or older than package-lock.json. Plain JavaScript: it runs before tsx is there.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 15)) {
  console.error(`famsim: Node ${process.versions.node} is too old; 20.15 or newer is needed (nodejs.org)`)
  process.exit(2)
}
const stamp = join(root, 'node_modules', '.package-lock.json')
const lock = join(root, 'package-lock.json')
const fresh = existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs
if (!fresh) {
  console.error('famsim: installing packages (once per clone)')
  const npm = process.env.npm_execpath
  // Not `npm ci`: it refuses a lock file that lacks the optional packages of platforms the registry does not hold.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  const r = npm
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (r.status !== 0) {
    console.error('famsim: npm install failed; see above, then try: npm install')
    process.exit(r.status ?? 1)
  }
}
