/** What stands before the last `/` of a model's name; empty where there is none. */
export function folderOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')))
}

/** What stands behind it. */
export function nameInFolder(name: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1)
  return last === '' ? name : last
}
