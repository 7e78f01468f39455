import type { Db } from 'mongodb'

interface SettingDoc {
  _id: string
  value: unknown
}

/** The few things a deployment remembers of itself: GitLab's keys, when it last looked for what was forgotten. */
export function createSettingsStore(db: Db) {
  const settings = db.collection<SettingDoc>('settings')

  async function find(name: string): Promise<unknown> {
    return (await settings.findOne({ _id: name }))?.value ?? null
  }

  async function save(name: string, value: unknown): Promise<void> {
    await settings.updateOne({ _id: name }, { $set: { value } }, { upsert: true })
  }

  return { find, save }
}

export type SettingsStore = ReturnType<typeof createSettingsStore>
