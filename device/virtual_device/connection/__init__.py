"""The connection to AWS IoT: `mqtt` and `sdk_job_service` alone know the SDK, the rest knows
`transport`.
"""
