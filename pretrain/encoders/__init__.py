"""How do words and regions look at each other?"""
