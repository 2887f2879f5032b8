"""How good is what was trained?"""
