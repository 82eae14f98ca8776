"""Space: which work folders may go, so that the next base has room.

rules.py     which may go, and in which order (pure)
folders.py   what lies in BOT_HOME, who needs it, and the removing
"""
