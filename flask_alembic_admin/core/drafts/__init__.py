"""New revision files: asked for, drafted, and written as they were shown."""
