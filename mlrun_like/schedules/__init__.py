"""Runs at given times: cron expressions, policies, history.

"""
